package doctor

import (
	"path"
	"strings"

	"github.com/egraft/egraft/internal/wiring"
)

// Sidecar is a pod of Envoy Gateway, with or without an egraft in it.
type Sidecar struct {
	Pod string
	// Present is true if there is a container egraft, and Ready if it is ready.
	Present, Ready bool
	// Gateway and Egraft are what the containers mount.
	Gateway, Egraft []Mount
}

// Mount is a volume in a container.
type Mount struct{ Path, Volume, SubPath string }

// file identifies a path in a container by volume, so that paths of different containers can be
// compared. It returns "" if the path is in no volume.
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

// CRDs are the CRDs of the features' kinds.
type CRDs struct {
	// Missing are the kinds that the API server does not serve in the needed version.
	Missing []wiring.Kind
	// Schemas are hashes of the schemas of the other kinds, by CRD and version.
	Schemas map[string]string
	// Extends are, in the same form, hashes of older schemas with fewer fields.
	Extends map[string]string
}

// Permission is a permission that an account needs.
type Permission struct {
	// Account is the user, and Whose the program that runs as that user.
	Account string
	Whose   Owner
	Verb    string
	// Resource is plural.group, with /status for the subresource.
	Resource string
	// Namespace is empty for all.
	Namespace string
	Allowed   bool
}

// Owner is the program that an account belongs to.
type Owner string

// The owners of permissions.
const (
	OfEnvoyGateway Owner = "Envoy Gateway"
	OfEgraft       Owner = "egraft"
)
