package waf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"

	"github.com/egraft/egraft/examples/kubewaf/waf"
)

func TestConformance(t *testing.T) {
	mutatortest.Run(t, "testdata", func() mutator.Feature {
		f, err := waf.New(waf.Default())
		require.NoError(t, err)
		return f
	})
}

func TestSettingsThatEnvoyWouldReject(t *testing.T) {
	_, err := waf.New(waf.Settings{ECDS: "operator", Wasm: "operator:18002"})
	require.EqualError(t, err, `new cluster "kubewaf_ecds": host "operator": must be host:port`)
}
