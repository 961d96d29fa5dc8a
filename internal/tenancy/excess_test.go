package tenancy_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/policy"
)

func TestExcess(t *testing.T) {
	socket := func(name string) string { return fmt.Sprintf(`"agent":{"socketPath":"/%s"}`, name) }
	identity := func(name string) string { return fmt.Sprintf(`"workloadIdentifier":"/%s"`, name) }
	const (
		sockets = "spec.agent.socketPath: Forbidden: policies of namespace %s with precedence use 2 other sockets, which is the limit of --max-agent-sockets-per-namespace"
		secrets = "spec: Forbidden: needs %d more SVIDs or trust bundles, and policies of namespace shop with precedence use 3 of the 3 that --max-sds-secrets-per-namespace permits"
	)
	type use struct{ namespace, fields string }
	for _, test := range []struct {
		name   string
		limits tenancy.Limits
		uses   []use
		want   map[int]string
	}{
		{"no limits", tenancy.Limits{}, []use{{"shop", socket("a")}, {"shop", socket("b")}}, map[int]string{}},
		{
			"sockets: the newest is past it, and one that is in use is not",
			tenancy.Limits{AgentSockets: 2},
			[]use{{"shop", socket("a")}, {"shop", socket("b")}, {"shop", socket("c")}, {"shop", socket("a")}, {"shop", socket("d")}},
			map[int]string{2: fmt.Sprintf(sockets, "shop"), 4: fmt.Sprintf(sockets, "shop")},
		},
		{
			"sockets: one namespace takes nothing from another",
			tenancy.Limits{AgentSockets: 2},
			[]use{{"shop", socket("a")}, {"shop", socket("b")}, {"shop", socket("c")}, {"pay", socket("c")}, {"pay", socket("d")}},
			map[int]string{2: fmt.Sprintf(sockets, "shop")},
		},
		{
			"secrets: the bundle is shared",
			tenancy.Limits{SDSSecrets: 3},
			[]use{{"shop", identity("a")}, {"shop", identity("b")}, {"shop", identity("c")}, {"shop", identity("a")}, {"pay", identity("c")}},
			map[int]string{2: fmt.Sprintf(secrets, 1)},
		},
		{
			"secrets: another timeout is another stream",
			tenancy.Limits{SDSSecrets: 3},
			[]use{{"shop", identity("a")}, {"shop", identity("b")}, {"shop", `"initialFetchTimeout":"3s",` + identity("a")}},
			map[int]string{2: fmt.Sprintf(secrets, 2)},
		},
		{
			"secrets: the same timeout in other words is not",
			tenancy.Limits{SDSSecrets: 3},
			[]use{{"shop", identity("a")}, {"shop", identity("b")}, {"shop", `"initialFetchTimeout":"2000ms",` + identity("a")}},
			map[int]string{},
		},
		{
			"secrets: another name of the bundle",
			tenancy.Limits{SDSSecrets: 3},
			[]use{{"shop", identity("a")}, {"shop", identity("b")}, {"shop", identity("a") + `,"agent":{"sdsNames":{"trustBundle":"other"}}`}},
			map[int]string{2: fmt.Sprintf(secrets, 1)},
		},
		{
			"what is past a limit uses nothing",
			tenancy.Limits{AgentSockets: 1, SDSSecrets: 3},
			[]use{{"shop", identity("a")}, {"shop", identity("b") + "," + socket("x")}, {"shop", identity("c")}},
			map[int]string{1: "spec.agent.socketPath: Forbidden: policies of namespace shop with precedence use 1 other sockets, which is the limit of --max-agent-sockets-per-namespace"},
		},
		{"what is not valid uses nothing", tenancy.Limits{AgentSockets: 1}, []use{{"shop", `"initialFetchTimeout":"61s",` + socket("x")}, {"shop", ""}}, map[int]string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []string
			for _, u := range test.uses {
				objects = append(objects, mtls("BackendMTLSPolicy", u.namespace, u.fields))
			}
			inEffect := read(t, tenancy.Restrictions{}, objects...)
			got := map[int]string{}
			excess := test.limits.Excess(inEffect)
			for i, o := range inEffect {
				if err := excess[o]; err != nil {
					got[i] = err.Error()
				}
			}
			require.Equal(t, test.want, got)
		})
	}
}

// TestDeniedUseNothing: an object may be denied for a later reason.
func TestDeniedUseNothing(t *testing.T) {
	objects := read(t, tenancy.Restrictions{}, mtls("BackendMTLSPolicy", "shop", `"agent":{"socketPath":"/a"}`), mtls("BackendMTLSPolicy", "shop", ""))
	limits := tenancy.Limits{AgentSockets: 1}
	require.Contains(t, limits.Excess(objects), objects[1])
	denied := *objects[0]
	denied.Err = errors.New("denied")
	require.Empty(t, limits.Excess([]*policy.Object{&denied, objects[1]}))
}
