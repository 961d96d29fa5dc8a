package crds

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/spiffe"
)

// TestPatternOfRegexesIsTheOneOfTheCode: the API server and egraft check a peer's regular
// expression with the same pattern.
func TestPatternOfRegexesIsTheOneOfTheCode(t *testing.T) {
	for file, field := range map[string]string{
		"egraft.io_backendmtlspolicies.yaml": "peers", "egraft.io_frontendmtlspolicies.yaml": "clients",
	} {
		peers := schemaOf(definition(t, file)).Properties["spec"].Properties[field]
		require.Equal(t, spiffe.RegexPattern(), peers.Items.Schema.Properties["regex"].Pattern, file)
	}
}
