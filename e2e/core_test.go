//go:build e2e

package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// core lists the scenarios of `make test`: each feature, command and way of extending egraft once,
// on the real parts, in a few minutes. The examples have their own scenarios. CI runs all
// scenarios, as `make test WHOLE=1` does.
var core = []string{
	"TestBuffering", "TestCustomMutator", "TestDoctor", "TestFrontend", "TestHTTPFilter", "TestHedging", "TestMergedBackends",
	"TestNotWired", "TestOriginalDestination", "TestOutcomesInKubernetes", "TestPatchPolicies",
	"TestRecordedCalls", "TestRecordedStory", "TestRules", "TestSVIDs", "TestShadow",
}

// selectCore selects only the core scenarios if the environment requests it and no test is named.
func selectCore() error {
	flag.Parse()
	run := flag.Lookup("test.run")
	if os.Getenv("EGRAFT_E2E_SCENARIOS") != "core" || run.Value.String() != "" {
		return nil
	}
	return run.Value.Set("^(" + strings.Join(core, "|") + ")$")
}

// TestCore: all scenarios in the list exist.
func TestCore(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var sources strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		sources.Write(text)
	}
	for _, name := range core {
		require.Contains(t, sources.String(), "\nfunc "+name+"(t *testing.T)")
	}
}
