package gatewayheader_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"

	"github.com/egraft/egraft/examples/custom-mutator/gatewayheader"
)

func TestConformance(t *testing.T) { conforms(t, "testdata/default", gatewayheader.Default()) }

func TestConformanceWithSettings(t *testing.T) {
	conforms(t, "testdata/settings", gatewayheader.Settings{Header: "x-served-by", Namespaces: []string{"shop"}, Short: true})
}

func conforms(t *testing.T, cases string, s gatewayheader.Settings) {
	t.Helper()
	mutatortest.Run(t, cases, func() mutator.Feature {
		f, err := gatewayheader.New(s)
		require.NoError(t, err)
		return f
	})
}
