package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/tenancy"
)

// FuzzRules: valid rules decide every namespace, and stay the same when they are formatted and
// parsed again.
func FuzzRules(f *testing.F) {
	for _, text := range []string{
		own, infra + own, domains, sockets, "namespaces=*;kinds=None", "namespaces=a;namespaces=*", "namespaces=*;workloadIdentifiers={namespace}",
		"namespaces=*;trustDomains={namespace}{namespace}", "namespaces=*;workloadIdentifiers=/{namespace}*", "namespaces=*;agentSockets=/{namespace}/*,/x;;=",
	} {
		f.Add(text, "shop", "shopping")
	}
	f.Fuzz(func(t *testing.T, text, one, other string) {
		r, err := tenancy.ParseRules(text)
		if err != nil || len(r.Validate(field.NewPath("r"))) > 0 {
			return
		}
		again, err := tenancy.ParseRules(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
		for _, namespace := range []string{one, other} {
			rule, at, found := r.For(namespace)
			require.True(t, found)
			require.Less(t, at, len(r))
			require.Equal(t, []string{namespace}, rule.Namespaces)
		}
	})
}
