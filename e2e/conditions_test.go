//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/manifest"
)

// conditions: the outcome of an object of each kind (valid, invalid or overridden) is reported
// where a user looks for it. egraft has Envoy Gateway's ServiceAccount.
func (c *inCluster) conditions(s *scenario) {
	c.everyKindIsTold(s)
	s.kubectl(c, "patch", "hedgefilter", "hedge-slow", "--type=merge", "--patch", `{"spec":{"perTryTimeout":"1s"}}`)
	c.hasConditions(s, "hedgefilter/hedge-slow", [2]string{"True Accepted ", "True Programmed requests that take longer than 1s are sent once more"})
	log, err := s.env.Log(s.soon(), "egraft")
	s.must(err)
	nothingIsForbidden(s, string(log))
}

func (c *inCluster) everyKindIsTold(s *scenario) {
	s.t.Helper()
	c.httpsListener(s)
	s.routes(manifest.Route{Name: "slow"}, manifest.Route{Name: "plain"})
	s.applied = append(s.applied, "filtered", "every-kind")
	s.must(s.env.Apply(s.ctx, "every-kind", everyKind))
	s.must(s.env.Apply(s.ctx, "filtered", filteredRoutes))
	for object, begin := range eventsOfEveryKind {
		c.hasEvent(s, object, begin)
	}
	for object, want := range conditionsOfEveryKind {
		c.hasConditions(s, object, want)
	}
	for _, policy := range []string{"backendmtlspolicy/backend-listener", "frontendmtlspolicy/frontend-listener", "bufferpolicy/buffer-listener", "filterpolicy/filter", "xdspatchpolicy/patch"} {
		s.kubectl(c, "wait", policy, acceptedByGateway, "--timeout=20s")
	}
}

// nothingIsForbidden requires that egraft's log does not contain the messages for failed writes.
func nothingIsForbidden(s *scenario, log string) {
	s.t.Helper()
	for _, line := range []string{"missing permission", "policy outcomes are not written to Kubernetes"} {
		require.NotContains(s.t, log, line)
	}
}

// hasConditions waits until an object's Accepted and Programmed conditions begin with "STATUS
// REASON MESSAGE" and are of the object's current generation.
func (c *inCluster) hasConditions(s *scenario, object string, want [2]string) {
	s.t.Helper()
	s.wait("conditions of "+object, func(ctx context.Context) error {
		read, err := c.Kubectl.Run(ctx, "get", object, "--output=json")
		if err != nil {
			return err
		}
		var got struct {
			Metadata struct{ Generation int64 }
			Status   struct{ Conditions []metav1.Condition }
		}
		if err := json.Unmarshal([]byte(read), &got); err != nil {
			return err
		}
		for i, name := range []string{"Accepted", "Programmed"} {
			condition := meta.FindStatusCondition(got.Status.Conditions, name)
			if condition == nil || condition.ObservedGeneration != got.Metadata.Generation ||
				!strings.HasPrefix(fmt.Sprintf("%s %s %s", condition.Status, condition.Reason, condition.Message), want[i]) {
				return fmt.Errorf("%s is %+v", name, condition)
			}
		}
		return nil
	})
}

// httpsListener adds an HTTPS listener to the Gateway until the end.
func (c *inCluster) httpsListener(s *scenario) {
	s.t.Helper()
	dir := s.t.TempDir()
	pki, err := apiserver.NewPKI(dir)
	s.must(err)
	_, err = pki.Server("https", nil, "plain.example.com")
	s.must(err)
	s.kubectl(c, "create", "secret", "tls", "https", "--cert="+filepath.Join(dir, "https.crt"), "--key="+filepath.Join(dir, "https.key"))
	s.kubectl(c, "patch", "gateway", "eg", "--type=json", "--patch",
		`[{"op":"add","path":"/spec/listeners/-","value":{"name":"https","protocol":"HTTPS","port":443,"tls":{"certificateRefs":[{"name":"https"}]}}}]`)
	s.t.Cleanup(func() {
		s.kubectl(c, "patch", "gateway", "eg", "--type=json", "--patch", `[{"op":"remove","path":"/spec/listeners/1"}]`)
		s.kubectl(c, "delete", "secret", "https")
	})
}

// filteredRoutes refer to the filters and backends of [everyKind].
var filteredRoutes = extendedRoute("HTTPFilter", "tag") + extendedRoute("HTTPFilter", "tag-wrong") +
	extendedRoute("HedgeFilter", "hedge") + extendedRoute("HedgeFilter", "hedge-slow") + extendedRoute("HedgeFilter", "hedge-a-first", "hedge-z-second") +
	pooledRoute("pool") + pooledRoute("pool-second", "pool-third") + pooledRoute("pool-wrong")

// extendedRoute returns a route whose rule has filters of a kind.
func extendedRoute(kind string, filters ...string) string {
	var list []string
	for _, f := range filters {
		list = append(list, "{type: ExtensionRef, extensionRef: {group: egraft.io, kind: "+kind+", name: "+f+"}}")
	}
	return ruleOf(filters[0], "filters: ["+strings.Join(list, ", ")+"], backendRefs: [{name: plain, port: 443}]")
}

// pooledRoute returns a route whose rule has backends.
func pooledRoute(backends ...string) string {
	var list []string
	for _, b := range backends {
		list = append(list, "{group: egraft.io, kind: OriginalDestinationBackend, name: "+b+"}")
	}
	return ruleOf(backends[0], "backendRefs: ["+strings.Join(list, ", ")+"]")
}

func ruleOf(name, rule string) string {
	return fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [%[1]s.example.com]
  rules: [{%[2]s}]
`, name, rule)
}
