package telemetry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

func became(name string, r mutator.Reason) mutator.PolicyOutcome {
	return mutator.PolicyOutcome{Policy: &policy.Object{GroupVersionKind: kind("OnePolicy").GroupVersionKind, Name: name}, Reason: r}
}

// series returns the series of policies.
func series(t *testing.T, tel *telemetry.Telemetry) (out []string) {
	t.Helper()
	for _, line := range scrape(t, tel) {
		if strings.HasPrefix(line, "egraft_policies{") {
			out = append(out, line)
		}
	}
	return out
}

const programmed, invalid = `egraft_policies{kind="OnePolicy",reason="Programmed"} `, `egraft_policies{kind="OnePolicy",reason="Invalid"} `

func TestPolicies(t *testing.T) {
	tel := newTelemetry()
	require.Equal(t, []string{programmed + "0"}, series(t, tel), "there is a series from the start")
	tel.Policies("default/a", []mutator.PolicyOutcome{became("a", mutator.Programmed), became("b", mutator.Invalid), became("c", mutator.Pending)})
	tel.Policies("default/b", []mutator.PolicyOutcome{became("a", mutator.Programmed)})
	require.Equal(t, []string{invalid + "1", programmed + "2"}, series(t, tel))
	tel.Policies("", []mutator.PolicyOutcome{became("filter", mutator.Invalid), became("c", mutator.Pending)})
	tel.Policies("", []mutator.PolicyOutcome{became("filter", mutator.Programmed)})
	require.Equal(t, []string{invalid + "1", programmed + "3"}, series(t, tel), "the last call of a filter counts")
	tel.Policies("default/a", []mutator.PolicyOutcome{became("b", mutator.Programmed)})
	require.Equal(t, []string{programmed + "3"}, series(t, tel), "the last translation counts")
	tel.Policies("default/a", nil)
	require.Equal(t, []string{programmed + "2"}, series(t, tel))
}

// TestPoliciesAreBounded: tenants choose names, in any number.
func TestPoliciesAreBounded(t *testing.T) {
	tel := newTelemetry()
	for i := range 10_001 {
		tel.Policies("", []mutator.PolicyOutcome{became(fmt.Sprint(i), mutator.Invalid)})
		tel.Policies(fmt.Sprint("default/", i), []mutator.PolicyOutcome{became("p", mutator.Programmed)})
	}
	require.Equal(t, []string{invalid + "1", programmed + "1"}, series(t, tel))
}
