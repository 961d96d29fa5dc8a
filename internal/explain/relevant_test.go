package explain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// TestOtherGateways: calls of other Gateways are counted and their names are read, but they are not run.
func TestOtherGateways(t *testing.T) {
	other := strings.ReplaceAll(fmt.Sprintf(translation, strings.ReplaceAll(mtls("other", ref("Gateway", "eg", "")), "name: eg}", "name: two}")), "name: eg,", "name: two,")
	r := recorded(t, fmt.Sprintf(translation, mtls("p", ref("Gateway", "eg", ""))), other)
	for i, name := range []string{"default/eg", "default/two"} {
		r.Calls[i].Gateway, r.Calls[i].ID = name, fmt.Sprint(i+1)
	}
	for _, test := range []struct {
		q        explain.Subject
		policies int
		changes  bool
	}{
		{explain.Subject{Kind: "BackendMTLSPolicy", Namespace: "default", Name: "p"}, 1, true},
		{explain.Subject{Kind: "Gateway", Namespace: "default", Name: "two"}, 1, true},
		{explain.Subject{Kind: "BackendMTLSPolicy"}, 2, true},
		{explain.Subject{Kind: "BackendMTLSPolicy", Namespace: "default", Name: "othr"}, 1, false},
	} {
		report, err := explainer(t).Explain(t.Context(), r, explain.Query{Subject: test.q, Seen: true})
		require.NoError(t, err)
		require.Len(t, report.Policies, test.policies, test.q)
		require.Equal(t, 2, report.Calls.Translations)
		require.Equal(t, []string{"default/eg", "default/two"}, report.Calls.Gateways)
		require.Equal(t, []string{"BackendMTLSPolicy default/other", "BackendMTLSPolicy default/p"}, report.Seen.Policies)
		require.Equal(t, test.changes, report.InEffect(), test.q)
	}
}

// TestCurrent: only the last translation of a Gateway is used, with the calls that belong to it.
func TestCurrent(t *testing.T) {
	old := fmt.Sprintf(translation, mtls("old", ref("Gateway", "eg", "")))
	r := recorded(t, old, fmt.Sprintf(translation, mtls("new", ref("Gateway", "eg", ""))))
	r.Calls = append([]*recording.Call{single(t, "route", "1")}, append(r.Calls, single(t, "next", ""))...)
	for i, c := range r.Calls {
		if c.Hook == "Translation" {
			c.Gateway, c.ID = "default/eg", fmt.Sprint(i)
		}
	}
	report, err := explainer(t).Explain(t.Context(), r, explain.Query{})
	require.NoError(t, err)
	var names []string
	for _, p := range report.Policies {
		names = append(names, p.Name)
	}
	require.ElementsMatch(t, []string{"new", "next"}, names)
}

// single returns a call of the Route hook with a policy.
func single(t *testing.T, policy, translation string) *recording.Call {
	t.Helper()
	r := recorded(t, fmt.Sprintf("{hook: Route, objects: [%s], resources: {Route: [{name: r, match: {prefix: /}, route: {cluster: c}}]}}", mtls(policy, ref("HTTPRoute", "shop", ""))))
	r.Calls[0].Translation = translation
	return r.Calls[0]
}
