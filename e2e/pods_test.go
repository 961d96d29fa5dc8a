//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/internal/version"
)

const (
	gatewayNamespace = "--namespace=envoy-gateway-system"
	gatewayPods      = "--selector=control-plane=envoy-gateway"
	gateway          = "deployment/envoy-gateway"
)

// podsChange: requests are served while the pods of Envoy Gateway and egraft change, and a policy
// is in effect afterwards.
func (c *inCluster) podsChange(t *scenario) {
	changes := []struct {
		name string
		make func(*scenario)
	}{
		{"Envoy Gateway's pod deleted", c.podDeleted},
		{"egraft killed in place", c.egraftKilledInPlace},
		{"another image rolled out", c.imageRolledOut},
		{"two replicas", c.twoReplicas},
		{"one of two replicas deleted", c.oneOfTwoDeleted},
	}
	t.routes(echoRoute)
	t.effect(t.env.Policy(), echoRoute.Host(), seesEnvoy)
	for _, change := range changes {
		requests := t.traffic(echoRoute.Host())
		change.make(t)
		requests.waitServed(20)
		requests.mustAllBeServed()
		c.policiesStillWork(t)
		t.t.Logf("%s: done", change.name)
	}
}

// policiesStillWork changes the policy and changes it back.
func (c *inCluster) policiesStillWork(t *scenario) {
	t.t.Helper()
	t.effect(t.wrongPeer(), echoRoute.Host(), envoy.Status(503))
	t.effect(t.env.Policy(), echoRoute.Host(), seesEnvoy)
}

func (c *inCluster) podDeleted(t *scenario) {
	t.kubectl(c, "delete", "pod", gatewayNamespace, gatewayPods)
	c.rolledOut(t)
}

// egraftKilledInPlace: the container is restarted, and the pod's other container keeps running.
func (c *inCluster) egraftKilledInPlace(t *scenario) {
	before := c.restarts(t)
	_, err := c.OnNode(t.soon(), "sh", "-c",
		`for exe in /proc/[0-9]*/exe; do if [ "$(readlink $exe)" = /egraft ]; then kill -9 $(basename $(dirname $exe)); fi; done`)
	t.must(err)
	t.wait("egraft to be started again", func(ctx context.Context) error {
		after, err := c.Kubectl.Run(ctx, "get", "pods", gatewayNamespace, gatewayPods, "--output", restartCounts)
		if err == nil && after == before {
			err = fmt.Errorf("restarts: %s", after)
		}
		return err
	})
	c.rolledOut(t)
	egraft, other, _ := strings.Cut(c.restarts(t), "/")
	require.Equal(t.t, "1", egraft)
	require.Equal(t.t, "0", other, "Envoy Gateway itself was not to be started again")
}

const restartCounts = "jsonpath={.items[*].status.initContainerStatuses[*].restartCount}/{.items[*].status.containerStatuses[*].restartCount}"

// restarts returns how often egraft and Envoy Gateway were restarted.
func (c *inCluster) restarts(t *scenario) string {
	t.t.Helper()
	return t.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--output", restartCounts)
}

func (c *inCluster) imageRolledOut(t *scenario) {
	const next = version.Image + ":next"
	_, err := c.OnNode(t.soon(), "ctr", "--namespace", "k8s.io", "images", "tag", "--force", version.Image+":"+version.Release, next)
	t.must(err)
	t.kubectl(c, "set", "image", gatewayNamespace, gateway, "egraft="+next)
	c.rolledOut(t)
	images := t.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--output", "jsonpath={.items[*].spec.initContainers[*].image}")
	require.Contains(t.t, images, next)
}

func (c *inCluster) twoReplicas(t *scenario) {
	t.kubectl(c, "scale", gatewayNamespace, gateway, "--replicas=2")
	c.rolledOut(t)
}

// oneOfTwoDeleted: one of two pods is deleted, and in the end one remains.
func (c *inCluster) oneOfTwoDeleted(t *scenario) {
	pods := strings.Fields(t.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--output", "name"))
	require.Len(t.t, pods, 2)
	t.kubectl(c, "delete", gatewayNamespace, pods[0])
	c.rolledOut(t)
	t.kubectl(c, "scale", gatewayNamespace, gateway, "--replicas=1")
	c.rolledOut(t)
}

// rolledOut waits until the Deployment is in the desired state, and no old pods remain.
func (c *inCluster) rolledOut(t *scenario) {
	t.t.Helper()
	t.kubectl(c, "rollout", "status", gatewayNamespace, gateway, "--timeout=90s")
}

// kubectl runs a command that must succeed.
func (s *scenario) kubectl(c *inCluster, arguments ...string) string {
	s.t.Helper()
	out, err := c.Kubectl.Run(s.ctx, arguments...)
	s.must(err)
	return out
}
