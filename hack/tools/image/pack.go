package main

import (
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// part is the output for one platform.
type part struct {
	platform v1.Platform
	image    v1.Image
	bill     []byte // nil unless requested
}

// pack makes the image of each platform. The layers are in a directory that must exist until the
// archive is written.
func pack(s *spec, work string) ([]part, error) {
	var parts []part
	for _, r := range s.roots {
		p, err := packOne(s, r, work)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", r.platform, err)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func packOne(s *spec, r root, work string) (p part, err error) {
	if _, err := os.Stat(filepath.Join(r.directory, s.config.Entrypoint[0])); err != nil {
		return p, fmt.Errorf("find the entrypoint: %w", err)
	}
	p.platform = r.platform
	info := buildInfo(s, r)
	if s.bills != "" {
		if p.bill, err = billOf(info, s.created); err != nil {
			return p, err
		}
	}
	layer, err := newLayer(s, r, work)
	if err != nil {
		return p, err
	}
	p.image, err = newImage(s, r.platform, layer, info)
	return p, err
}

// buildInfo returns nil if the entrypoint is not a Go program.
func buildInfo(s *spec, r root) *debug.BuildInfo {
	info, err := buildinfo.ReadFile(filepath.Join(r.directory, s.config.Entrypoint[0]))
	if err != nil {
		return nil
	}
	return info
}

func newLayer(s *spec, r root, work string) (v1.Layer, error) {
	file := filepath.Join(work, strings.ReplaceAll(r.platform.String(), "/", "-")+".tar")
	if err := (&packer{modified: s.created, owners: s.owners, modes: true}).write(file, r.directory); err != nil {
		return nil, err
	}
	return tarball.LayerFromFile(file, tarball.WithCompressedCaching,
		tarball.WithCompressionLevel(s.gzipLevel), tarball.WithMediaType(types.OCILayer))
}

func newImage(s *spec, platform v1.Platform, layer v1.Layer, info *debug.BuildInfo) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: s.created}
	image, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "image"}})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = platform.OS, platform.Architecture, platform.Variant
	file.Created, file.Config = created, s.config
	file.Config.Labels = labels(s.config.Labels, info)
	return mutate.ConfigFile(image, file)
}

// labels adds labels from a Go program's build information to the given ones.
func labels(given map[string]string, info *debug.BuildInfo) map[string]string {
	out := map[string]string{}
	if info != nil && info.Main.Version != "" && info.Main.Version != "(devel)" {
		out["org.opencontainers.image.version"] = info.Main.Version
	}
	if revision := setting(info, "vcs.revision"); revision != "" {
		out["org.opencontainers.image.revision"] = revision
	}
	maps.Copy(out, given)
	return out
}

// setting returns a build setting, empty if it was not recorded.
func setting(info *debug.BuildInfo, key string) string {
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
