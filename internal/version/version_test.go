package version

import (
	"os"
	"regexp"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	tests := []struct {
		name  string
		build debug.BuildInfo
		want  Info
	}{
		{"egraft itself", debug.BuildInfo{
			GoVersion: "go1.26.8", Main: debug.Module{Path: Module, Version: "v1.2.3"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}},
		}, Info{"v1.2.3", "abc", "go1.26.8", EnvoyGateway}},
		{"changed tree", debug.BuildInfo{
			GoVersion: "go1.26.8", Main: debug.Module{Path: Module, Version: "(devel)"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
		}, Info{"(devel)", "abc-dirty", "go1.26.8", EnvoyGateway}},
		{"custom binary", debug.BuildInfo{
			GoVersion: "go1.26.8", Main: debug.Module{Path: "example.org/mine", Version: "v9.0.0"},
			Deps: []*debug.Module{{Path: "x"}, {Path: Module, Version: "v1.2.3"}},
		}, Info{"v1.2.3", "unknown", "go1.26.8", EnvoyGateway}},
		{"custom binary with a fork", debug.BuildInfo{
			GoVersion: "go1.26.8", Main: debug.Module{Path: "example.org/mine"},
			Deps: []*debug.Module{{Path: Module, Version: "v1.2.3", Replace: &debug.Module{Path: "fork", Version: "v1.2.4"}}},
		}, Info{"v1.2.4", "unknown", "go1.26.8", EnvoyGateway}},
		{"nothing recorded", debug.BuildInfo{}, Info{"unknown", "unknown", "unknown", EnvoyGateway}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, of(&test.build)) })
	}
	require.NotEmpty(t, Read().Go)
}

func TestEnvoyGatewayIsThatOfTheModule(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	require.Equal(t, EnvoyGateway, required(string(mod)))
	require.NotEqual(t, EnvoyGateway, required("require github.com/envoyproxy/gateway v1.8.0"), "the test can fail")
}

// required returns the version of Envoy Gateway that a go.mod requires.
func required(mod string) string {
	match := regexp.MustCompile(`(?m)^\s*(?:require )?github\.com/envoyproxy/gateway (\S+)`).FindStringSubmatch(mod)
	if match == nil {
		return ""
	}
	return match[1]
}
