package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/e2etest"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, e2etest.Setup{Package: "."})) }

const url = "http://slow.example.com"

// TestOnEnvoy applies the resources of the README: only requests of the rule with the filter are
// delayed.
func TestOnEnvoy(t *testing.T) {
	env := e2etest.Start(t, e2etest.Options{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "echo") }))
	t.Cleanup(backend.Close)
	env.Apply(t, "echo", e2etest.Route("echo", "echo.example.com", backend.URL))
	resources, delay := readme(t)
	env.Apply(t, "slow", resources)
	env.WaitInEffect(t, "staticdelayfilter/default/slow")
	env.Until(t, url+"/", e2etest.Status(http.StatusOK))

	if took := took(t, env, "/slow"); took < delay {
		t.Errorf("a request with the filter took %s", took)
	}
	if took := took(t, env, "/"); took >= delay {
		t.Errorf("a request without the filter took %s", took)
	}
	if want := "100 % of the requests are delayed by " + delay.String(); !strings.Contains(env.Explain(t, "staticdelayfilter/default/slow"), want) {
		t.Errorf("explain does not say %q", want)
	}
	if n := env.Rejected(t); n > 0 {
		t.Errorf("Envoy rejected %d updates", n)
	}
}

// took returns the duration of a request.
func took(t *testing.T, env *e2etest.Env, path string) time.Duration {
	t.Helper()
	begin := time.Now()
	if r := env.Get(t, url+path); r.Status != http.StatusOK {
		t.Fatal(r)
	}
	return time.Since(begin)
}

// readme returns the resources of the README, and their delay.
func readme(t *testing.T) (resources string, delay time.Duration) {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?delay: ([0-9a-z]+).*?)```").FindStringSubmatch(string(page))
	if example == nil {
		t.Fatal("README.md has no resources")
	}
	if delay, err = time.ParseDuration(example[2]); err != nil {
		t.Fatal(err)
	}
	return example[1], delay
}
