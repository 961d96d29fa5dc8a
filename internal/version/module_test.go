package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModuleOf(t *testing.T) {
	build := &debug.BuildInfo{
		Main: debug.Module{Path: "example.org/mine", Version: "v0.1.0"},
		Deps: []*debug.Module{
			{Path: "example.org/hello/deep", Version: "v0.0.1"}, // listed before its parent, unlike in real build info
			{Path: "example.org/hello", Version: "v1.2.3"},
			{Path: "example.org/fork", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/ours", Version: "v1.0.1"}},
			{Path: "example.org/here", Version: "v0.0.0", Replace: &debug.Module{Path: "../here"}},
		},
	}
	for pkg, want := range map[string]ModuleVersion{
		"main":                         {"example.org/mine", "v0.1.0"},
		"example.org/mine/feature":     {"example.org/mine", "v0.1.0"},
		"example.org/hello":            {"example.org/hello", "v1.2.3"},
		"example.org/hello/world":      {"example.org/hello", "v1.2.3"},
		"example.org/hello/deep/world": {"example.org/hello/deep", "v0.0.1"},
		"example.org/hello2":           {"example.org/hello2", "unknown"},
		"example.org/fork/x":           {"example.org/fork", "v1.0.0 => example.org/ours v1.0.1"},
		"example.org/here":             {"example.org/here", "v0.0.0 => ../here"},
		"":                             {"unknown", "unknown"},
	} {
		require.Equal(t, want, moduleOf(build, pkg), pkg)
	}
	require.Equal(t, ModuleVersion{"unknown", "unknown"}, moduleOf(&debug.BuildInfo{}, "main"), "nothing recorded")
	require.Equal(t, Module, ModuleOf(Module+"/internal/version").Path)
}
