// Package matrix lists the combinations with which egraft is tested: the cells of the compatibility
// matrix, the features that each cell must prove with traffic, and the limits of each release of
// Envoy Gateway. The test TestMatrix runs a cell, the command in hack/matrix runs all of them, and
// docs/compatibility.md has the results.
//
// It runs nothing itself.
package matrix

import (
	"slices"
	"strings"

	"github.com/egraft/egraft/e2e/parts"
)

// Test is the test that runs a cell with the file provider, and KubernetesTest the one with the
// Kubernetes provider.
const (
	Test           = "TestMatrix"
	KubernetesTest = "TestOwners"
)

// Cell is a combination of versions and options.
type Cell struct {
	EnvoyGateway, Envoy string
	// Option is the difference from the defaults.
	Option Option
	// Kubernetes means that Envoy Gateway reads from an API server instead of files.
	Kubernetes bool
}

// Option is a difference from the defaults of Envoy Gateway.
type Option string

// The options. The last two set all flags of the release together; Envoy Gateway rejects merged Gateways
// with merged backends.
const (
	Default                   Option = "defaults"
	XDSNameSchemeV2           Option = "XDSNameSchemeV2"
	PerResourceSystemCASecret Option = "PerResourceSystemCASecret"
	MergedGateways            Option = "merged Gateways"
	MergedBackends            Option = "merged backends"
	FlagsMergedGateways       Option = "flags and merged Gateways"
	FlagsMergedBackends       Option = "flags and merged backends"
)

// since is the release that introduced an option.
var since = map[Option]string{PerResourceSystemCASecret: "1.9.0", MergedBackends: "1.9.0", FlagsMergedBackends: "1.9.0"}

// flags are the runtime flags, and options all options in the order of the table.
var (
	flags   = []Option{XDSNameSchemeV2, PerResourceSystemCASecret}
	options = slices.Concat([]Option{Default}, flags, []Option{MergedGateways, MergedBackends, FlagsMergedGateways, FlagsMergedBackends})
)

// deployed is the Envoy that a release deploys, or the next patch release for which a wheel exists.
var deployed = map[string]string{"1.7.0": "1.37.0", "1.8.0": "1.38.3", "1.9.0": "1.39.1", "1.9.1": "1.39.1"}

// Cells returns all cells, in the order of the table.
func Cells() []Cell {
	newest := parts.EnvoyGatewayVersions[0]
	out := []Cell{{EnvoyGateway: newest, Envoy: deployed[newest], Option: Default, Kubernetes: true}}
	for _, version := range parts.EnvoyGatewayVersions {
		for _, option := range options {
			if reaches(version, since[option]) {
				out = append(out, Cell{EnvoyGateway: version, Envoy: deployed[version], Option: option})
			}
		}
		if version != newest {
			continue
		}
		for _, envoy := range parts.EnvoyVersions {
			if envoy != deployed[newest] {
				out = append(out, Cell{EnvoyGateway: newest, Envoy: envoy, Option: Default})
			}
		}
	}
	return out
}

// Options returns the individual options of a cell.
func (c Cell) Options() []Option {
	all := slices.DeleteFunc(slices.Clone(flags), func(o Option) bool { return !reaches(c.EnvoyGateway, since[o]) })
	switch c.Option {
	case Default:
		return nil
	case FlagsMergedGateways:
		return append(all, MergedGateways)
	case FlagsMergedBackends:
		return append(all, MergedBackends)
	default:
		return []Option{c.Option}
	}
}

// Provider returns the source from which Envoy Gateway reads.
func (c Cell) Provider() string {
	if c.Kubernetes {
		return "Kubernetes"
	}
	return "File"
}

// Test returns the test that runs the cell.
func (c Cell) Test() string {
	if c.Kubernetes {
		return KubernetesTest
	}
	return Test
}

// String returns the name of the cell.
func (c Cell) String() string {
	return "Envoy Gateway " + c.EnvoyGateway + ", Envoy " + c.Envoy + ", " + c.Provider() + ", " + string(c.Option)
}

// reaches reports whether a version is at least as new as another one. All have three numbers of
// one or two digits.
func reaches(version, other string) bool { return comparable(version) >= comparable(other) }

func comparable(version string) string {
	var out strings.Builder
	for number := range strings.SplitSeq(version, ".") {
		out.WriteString(strings.Repeat("0", max(0, 3-len(number))) + number)
	}
	return out.String()
}
