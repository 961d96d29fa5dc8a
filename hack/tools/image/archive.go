package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// writeArchive writes an image layout, and packs it as a tar file.
func writeArchive(s *spec, parts []part, work string) error {
	directory := filepath.Join(work, "layout")
	l, err := layout.Write(directory, empty.Index)
	if err != nil {
		return err
	}
	index, err := newIndex(parts)
	if err != nil {
		return err
	}
	for _, reference := range s.references {
		annotations := layout.WithAnnotations(names(reference))
		if isIndex(parts) {
			err = l.AppendIndex(index, annotations)
		} else {
			err = l.AppendImage(parts[0].image, annotations, layout.WithPlatform(parts[0].platform))
		}
		if err != nil {
			return err
		}
	}
	return (&packer{modified: s.created}).write(s.output, directory)
}

// isIndex reports whether an index is needed: a plain image has one platform and no bill.
func isIndex(parts []part) bool { return len(parts) > 1 || parts[0].bill != nil }

// names returns the annotations from which clients read the name of an image: containerd, kind and
// Docker the first, Podman and skopeo the second.
// https://github.com/containerd/containerd/blob/v2.4.2/core/images/annotations.go
func names(reference name.Tag) map[string]string {
	return map[string]string{
		"io.containerd.image.name":          nameOf(reference),
		"org.opencontainers.image.ref.name": reference.TagStr(),
	}
}

// nameOf writes names on Docker Hub as containerd does.
func nameOf(reference name.Tag) string {
	if path, hub := strings.CutPrefix(reference.Name(), name.DefaultRegistry+"/"); hub {
		return "docker.io/" + path
	}
	return reference.Name()
}

// newIndex lists the images and their bills of materials. The bills have a platform that no client
// requests; without it, containerd would treat them as images. They must not be next to the index
// in the layout, because `ctr import --digests`, which kind runs, tries to unpack everything that
// it finds there.
func newIndex(parts []part) (v1.ImageIndex, error) {
	index := v1.ImageIndex(empty.Index)
	for _, p := range parts {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.image, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	for _, p := range parts {
		if p.bill == nil {
			continue
		}
		bill, err := newArtifact(p.bill, p.image)
		if err != nil {
			return nil, err
		}
		nowhere := &v1.Platform{OS: "unknown", Architecture: "unknown"}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: bill, Descriptor: v1.Descriptor{Platform: nowhere}})
	}
	return index, nil
}

// report prints what was built.
func report(s *spec, parts []part, stdout io.Writer) error {
	index, err := newIndex(parts)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if !isIndex(parts) {
		digest, err = parts[0].image.Digest()
	}
	if err != nil {
		return fmt.Errorf("compute the digest of the image: %w", err)
	}
	for _, reference := range s.references {
		fmt.Fprintf(stdout, "%s@%s\n", nameOf(reference), digest)
	}
	for _, p := range parts {
		if err := reportPart(p, stdout); err != nil {
			return fmt.Errorf("compute the digest for %s: %w", p.platform, err)
		}
	}
	return nil
}

func reportPart(p part, stdout io.Writer) error {
	digest, err := p.image.Digest()
	if err != nil {
		return err
	}
	layers, err := p.image.Layers()
	if err != nil {
		return err
	}
	size, err := layers[0].Size()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "  %s %s, %.1f MB\n", p.platform, digest, float64(size)/1e6)
	return err
}
