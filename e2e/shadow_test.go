//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestShadow: a policy with effect Shadow changes nothing in Envoy, on a Gateway and on a route,
// even next to an enforced one, and reports what it would do. A plan shows what Enforce changes,
// and with Enforce the policy takes effect.
func TestShadow(t *testing.T) {
	f := start(t, standalone.Options{})
	f.routes(echoRoute)
	f.until(echoRoute.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	f.must(f.WaitSettled(f.soon()))
	before := f.configuration()

	for _, target := range []struct{ kind, name string }{{"Gateway", "eg"}, {"HTTPRoute", echoRoute.Name}} {
		p := f.policy(target.kind, target.name, "")
		from := f.logEnd("egraft")
		f.must(f.Apply(f.soon(), p.Name, shadow(p.YAML())))
		f.loggedJSON("egraft", from, "the outcome", func(l standalone.Line) bool {
			return l.Message() == "policy not enforced" && l["policy"] == "BackendMTLSPolicy default/"+p.Name && l["reason"] == "Shadow" &&
				strings.Contains(l["message"].(string), "it would be Programmed: Envoy presents spiffe://")
		})
		f.must(f.WaitSettled(f.soon()))
		require.Equal(t, before, f.configuration(), target.kind)
		f.until(echoRoute.Host(), "the answer as before", envoy.Status(400))

		code, plan := f.planned(p.YAML())
		require.Equal(t, 2, code, plan)
		require.Contains(t, plan, "BackendMTLSPolicy default/"+p.Name+" (default/eg): Shadow → Programmed: ")
		code, plan = f.planned(shadow(p.YAML()))
		require.Equal(t, 0, code, plan)

		f.must(f.Apply(f.soon(), p.Name, strings.Replace(shadow(p.YAML()), "Shadow", "Enforce", 1))) // Envoy Gateway keeps a removed field
		f.until(echoRoute.Host(), "the policy to take effect", seesEnvoy)
		f.must(f.WaitSettled(f.soon()))
		code, plan = f.planned(p.YAML())
		require.Equal(t, 0, code, plan)
		f.must(f.Delete(f.soon(), p.Name))
		f.until(echoRoute.Host(), "the policy to be gone", envoy.Status(400))
		f.must(f.WaitSettled(f.soon()))
	}
}

func shadow(policy string) string {
	return strings.Replace(policy, "\nspec:\n", "\nspec:\n  effect: Shadow\n", 1)
}

// configuration returns Envoy's configuration without update times.
func (f *fixture) configuration() string {
	f.t.Helper()
	dump, err := f.EnvoyAdmin(f.soon(), "/config_dump")
	f.must(err)
	var config any
	f.must(json.Unmarshal(dump, &config))
	text, err := json.MarshalIndent(timeless(config), "", " ")
	f.must(err)
	return string(text)
}

// timeless removes update times and versions.
func timeless(value any) any {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "last_updated")
		delete(v, "version_info")
		for k := range v {
			v[k] = timeless(v[k])
		}
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	}
	return value
}

// planned runs `egraft plan` on the running egraft.
func (f *fixture) planned(policy string) (code int, out string) {
	f.t.Helper()
	cmd := exec.CommandContext(f.soon(), f.EgraftProgram(), "plan", "--admin-address", standalone.EgraftAdminAddress, "-f", "-")
	cmd.Env, cmd.Stdin = process.Environ(), bytes.NewBufferString(policy)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		f.must(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}
