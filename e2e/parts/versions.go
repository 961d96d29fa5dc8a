package parts

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Environment variables that select other than the default versions.
const (
	EnvoyGatewayVariable = "EGRAFT_E2E_ENVOY_GATEWAY"
	EnvoyVariable        = "EGRAFT_E2E_ENVOY"
)

// EnvoyGatewayVersions and EnvoyVersions are the available versions. The first of each is the
// default, which hack/tools pins; the others have directories in hack/matrix/pins, which are not
// updated automatically.
var (
	EnvoyGatewayVersions = []string{"1.9.1", "1.9.0", "1.8.0", "1.7.0"}
	EnvoyVersions        = []string{EnvoyVersion, "1.40.0", "1.38.3", "1.37.0"}
)

// Versions are the selected versions.
type Versions struct{ EnvoyGateway, Envoy string }

// ChosenVersions returns the versions that the environment selects, or the defaults.
func ChosenVersions() (Versions, error) {
	gateway, errGateway := chosen(EnvoyGatewayVariable, EnvoyGatewayVersions)
	envoy, errEnvoy := chosen(EnvoyVariable, EnvoyVersions)
	return Versions{gateway, envoy}, errors.Join(errGateway, errEnvoy)
}

func chosen(variable string, from []string) (string, error) {
	version := cmp.Or(os.Getenv(variable), from[0])
	if !slices.Contains(from, version) {
		return "", fmt.Errorf("%s is %q; it can be %s", variable, version, strings.Join(from, ", "))
	}
	return version, nil
}

// pinned returns the directory with the pins of a version, relative to hack/tools.
func pinned(name Name, version string, from []string) string {
	if version == from[0] {
		return string(name)
	}
	return "../matrix/pins/" + string(name) + "-" + version
}
