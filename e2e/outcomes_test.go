//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
)

// outcomes: a policy's outcome is reported where Kubernetes users look for it.
func (c *inCluster) outcomes(s *scenario) {
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	later := s.env.Policy()
	later.Name = "not-first" // of two created in the same second, the name decides
	nowhere := s.env.Policy()
	nowhere.Name, nowhere.Section = "nowhere", "no-such-listener"
	s.policies(later, nowhere)
	for policy, reason := range map[string]string{"mtls": "Programmed", "not-first": "Conflicted", "nowhere": "TargetNotFound"} {
		c.hasEvent(s, "BackendMTLSPolicy/"+policy, reason)
	}
	// Envoy Gateway does not know what egraft does, and writes the status.
	s.kubectl(c, "wait", "backendmtlspolicy/mtls", "backendmtlspolicy/not-first", "--timeout=20s",
		`--for=jsonpath={.status.ancestors[0].conditions[?(@.type=="Accepted")].status}=True`)
	described := s.kubectl(c, "describe", "backendmtlspolicy", "not-first")
	require.Contains(s.t, described, "Conflicted")
	require.Regexp(s.t, `mtls +example\.org +/envoy +True`, s.kubectl(c, "get", "egraft"), "the category and the columns")
	c.eventsOfReplicas(s)
}

// hasEvent waits for an event about an object, KIND/NAME, that begins with "REASON MESSAGE".
func (c *inCluster) hasEvent(s *scenario, object, begin string) {
	s.t.Helper()
	kind, name, _ := strings.Cut(object, "/")
	s.wait(fmt.Sprintf("event %q of %s", begin, object), func(ctx context.Context) error {
		events, err := c.Kubectl.Run(ctx, "get", "events", "--field-selector", "involvedObject.kind="+kind+",involvedObject.name="+name,
			"--output", `jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}`)
		if err == nil && !strings.Contains("\n"+events, "\n"+begin) {
			err = fmt.Errorf("got %q", events)
		}
		return err
	})
}

// eventsOfReplicas: two replicas with the same outcome write one event.
func (c *inCluster) eventsOfReplicas(s *scenario) {
	s.kubectl(c, "scale", gatewayNamespace, gateway, "--replicas=2")
	c.rolledOut(s)
	both := s.env.Policy()
	both.Name, both.Section = "both", "no-such-listener-either"
	s.policies(both)
	c.hasEvent(s, "BackendMTLSPolicy/both", "TargetNotFound")
	for _, pod := range strings.Fields(s.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--output", "name")) {
		s.wait(pod+" to know the policy", func(ctx context.Context) error {
			log, err := c.Kubectl.Run(ctx, "logs", gatewayNamespace, pod, "--container=egraft")
			if err == nil && !strings.Contains(log, "default/both") {
				err = errors.New("it is not in its log")
			}
			return err
		})
	}
	events := s.kubectl(c, "get", "events", "--field-selector", "involvedObject.name=both", "--output", "name")
	require.Len(s.t, strings.Fields(events), 1)
	s.kubectl(c, "scale", gatewayNamespace, gateway, "--replicas=1")
	c.rolledOut(s)
}
