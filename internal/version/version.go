// Package version identifies this egraft, using what the Go tool records in a binary.
//
// It must not use linker flags: a plain `go install` must know its version, too.
package version

import (
	"runtime/debug"
)

// EnvoyGateway is the release of Envoy Gateway whose extension protocol egraft speaks:
// the module that egraft is built and tested against. A test compares it with go.mod.
const EnvoyGateway = "v1.9.1"

// Module is egraft's own module path.
const Module = "github.com/egraft/egraft"

// unknown stands for information that the Go tool did not record.
const unknown = "unknown"

// Info describes a binary. No field is empty.
type Info struct {
	// Version is egraft's module version, also in a binary that embeds it: "(devel)" if
	// built from a tree without version control.
	Version string
	// Commit is the revision of the main module; "-dirty" is appended for changed trees.
	Commit string
	// Go is the Go release that built the binary.
	Go string
	// EnvoyGateway is [EnvoyGateway].
	EnvoyGateway string
}

// Read returns the information about the running binary.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return of(build)
}

func of(build *debug.BuildInfo) Info {
	return Info{
		Version:      orUnknown(moduleVersion(build)),
		Commit:       orUnknown(commit(build)),
		Go:           orUnknown(build.GoVersion),
		EnvoyGateway: EnvoyGateway,
	}
}

func moduleVersion(build *debug.BuildInfo) string {
	if build.Main.Path == Module {
		return build.Main.Version
	}
	for _, dep := range build.Deps {
		if dep.Path == Module {
			return replaced(dep).Version
		}
	}
	return ""
}

func replaced(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

func commit(build *debug.BuildInfo) string {
	revision, dirty := "", ""
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}
