//go:build e2e

package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/cluster"
)

// TestCluster tests egraft in a Kubernetes cluster, installed by docs/install.md: the steps of the
// demo, and changes of pods.
func TestCluster(t *testing.T) {
	needs(t, onNode, onKind)
	c := install(t)
	c.run("story", (*scenario).story)
	c.run("explained", c.explained)
	c.run("doctor", c.doctor)
	c.run("outcomes", c.outcomes)
	c.run("selected by labels", c.selected)
	c.run("selected from another namespace", c.selectedFromElsewhere)
	c.run("conditions", c.conditions)
	c.run("pods change", c.podsChange)
	c.run("wrongly installed", c.wrongly)
	c.run("upgraded", c.upgraded)
	c.run("built of two modules", c.builtOfTwo)
	c.run("kustomize removed", c.kustomizeRemoved)
	c.run("patched", c.patched)
	c.run("in pods of its own", c.inItsOwnPods)
	c.run("own chart", c.ownChart)
	c.run("wrapped chart", c.wrappedChart)
	c.run("uninstalled", c.uninstalled)
	c.run("Gateway namespace", c.envoysInGatewayNamespace)
}

// install creates the cluster and installs egraft in it.
func install(t *testing.T) *inCluster {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Minute, errors.New("the scenarios took longer than 20 minutes"))
	t.Cleanup(cancel)
	options, stop, err := on.cluster(ctx, t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	begin := time.Now()
	env, err := cluster.Install(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("docs/install.md took %s", time.Since(begin).Round(100*time.Millisecond))
	c := &inCluster{scenario: scenario{env: env, t: t, ctx: ctx}, Environment: env}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(env.Dump(context.WithoutCancel(ctx))) // the test is over
		}
		c.must(env.Close())
	})
	return c
}

// inCluster is a scenario that needs a cluster.
type inCluster struct {
	scenario
	*cluster.Environment
	// copied is the directory with the source of the next build, see [inCluster.next].
	copied string
}

// run runs a part of the test. Resources that the part applies are deleted at its end.
func (c *inCluster) run(name string, part func(*scenario)) {
	c.t.Helper()
	c.t.Run(name, func(t *testing.T) {
		s := &scenario{env: c.env, t: t, ctx: c.ctx}
		t.Cleanup(s.deleteAll)
		part(s)
	})
}
