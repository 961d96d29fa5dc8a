package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/e2etest"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, e2etest.Setup{Package: "."})) }

// TestOnEnvoy applies the policies of the README: Envoy has the retry budget of the Gateway's
// policy, except where the HTTPRoute's policy overrides it.
func TestOnEnvoy(t *testing.T) {
	env := e2etest.Start(t, e2etest.Options{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") }))
	t.Cleanup(backend.Close)
	for _, name := range []string{"shop", "pay"} {
		env.Apply(t, name, e2etest.Route(name, name+".example.com", backend.URL))
		env.Until(t, "http://"+name+".example.com/", e2etest.Status(http.StatusOK))
	}
	env.Apply(t, "policies", policies(t))
	env.WaitInEffect(t, "retrybudgetpolicy/default/for-all", "retrybudgetpolicy/default/for-shop")

	clusters := env.Clusters(t)
	for cluster, want := range map[string]string{
		"httproute/default/shop/rule/0": "50 %, 10 at least",
		"httproute/default/pay/rule/0":  "20 %, 3 at least",
	} {
		if got := budget(clusters[cluster]); got != want {
			t.Errorf("cluster %s has a retry budget of %s, not %s", cluster, got, want)
		}
	}
	env.Get(t, "http://shop.example.com/")
	if n := env.Rejected(t); n > 0 {
		t.Errorf("Envoy rejected %d updates", n)
	}
}

// policies returns the policies of the README.
func policies(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("README.md has no policies")
	}
	return string(example[1])
}

// budget describes the retry budget of a cluster.
func budget(c *clusterv3.Cluster) string {
	for _, thresholds := range c.GetCircuitBreakers().GetThresholds() {
		if b := thresholds.GetRetryBudget(); b != nil {
			return fmt.Sprintf("%v %%, %d at least", b.GetBudgetPercent().GetValue(), b.GetMinRetryConcurrency().GetValue())
		}
	}
	return "none"
}
