package faulty

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

func TestParse(t *testing.T) {
	faults := []Fault{
		{mutator.HookRoute, mutator.KindRoute, Panic, "httproute/default/a"},
		{mutator.HookTranslation, mutator.KindCluster, Slow, "b"},
	}
	got, err := Parse(Format(faults...))
	require.NoError(t, err)
	require.Equal(t, faults, got)
	for _, text := range []string{"", "Route:Route:error", "Route:Route:explode:a"} {
		_, err := Parse(text)
		require.EqualError(t, err, `fault "`+text+`": want hook:kind:how:name, how being error, panic, slow or hang`)
	}
}

func TestFeatureIsValid(t *testing.T) {
	require.NoError(t, mutator.Validate([]mutator.Feature{New(nil)}))
}
