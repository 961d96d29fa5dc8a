package doctor

import (
	"path"
	"strings"

	"github.com/egraft/egraft/internal/wiring"
)

// Sidecar is a pod of Envoy Gateway, with or without an egraft in it.
type Sidecar struct {
	Pod string
	// Present reports whether there is a container egraft, and Ready whether it is ready.
	Present, Ready bool
	// Gateway and Egraft are what the containers mount.
	Gateway, Egraft []Mount
}

// Mount is a volume in a container.
type Mount struct{ Path, Volume, SubPath string }

// file names a path of a container by its volume, so that it can be compared with one of another
// container. It is empty if the path is in no volume.
func file(mounts []Mount, name string) string {
	var found Mount
	name = path.Clean(name)
	for _, m := range mounts {
		if in(m.Path, name) && len(m.Path) > len(found.Path) {
			found = m
		}
	}
	if found.Path == "" {
		return ""
	}
	return path.Join(found.Volume+":", found.SubPath, strings.TrimPrefix(name, path.Clean(found.Path)))
}

// in reports whether a path is in a directory.
func in(directory, name string) bool {
	directory = path.Clean(directory)
	return name == directory || directory == "/" || strings.HasPrefix(name, directory+"/")
}

// CRDs are those that serve the kinds of features.
type CRDs struct {
	// Missing are kinds that the API server does not serve in the needed version.
	Missing []wiring.Kind
	// Schemas are hashes of the schemas of the others, by CRD and version.
	Schemas map[string]string
	// Extends are hashes of older schemas that have fewer fields than those, alike.
	Extends map[string]string
}

// Permission is one that an account needs.
type Permission struct {
	// Account is the user, and Whose tells who runs with it.
	Account string
	Whose   Owner
	Verb    string
	// Resource is plural.group, with /status for the subresource.
	Resource string
	// Namespace is empty for all.
	Namespace string
	Allowed   bool
}

// Owner is who runs with an account.
type Owner string

// Those who need permissions.
const (
	OfEnvoyGateway Owner = "Envoy Gateway"
	OfEgraft       Owner = "egraft"
)
