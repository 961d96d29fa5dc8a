package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/egraft/egraft/internal/version"
)

// verifyImage checks the name of the image, and that it contains the program for each platform with
// Linux.
func (r *release) verifyImage() error {
	name := r.name("image.tar")
	content, err := r.read(name)
	if err == nil {
		err = r.verifyLayout(content)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *release) verifyLayout(archive []byte) error {
	dir, err := os.MkdirTemp("", "egraft-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := untar(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	for path, e := range files {
		file := filepath.Join(dir, filepath.Clean("/"+path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, e.content, 0o600)); err != nil {
			return err
		}
	}
	all, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	return r.verifyIndex(all)
}

func (r *release) verifyIndex(all v1.ImageIndex) error {
	top, err := all.IndexManifest()
	if err != nil {
		return err
	}
	want := version.Image + ":" + r.version
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["io.containerd.image.name"] != want {
		return errors.New("the image is not named " + want)
	}
	index, err := all.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	missing := map[string]bool{"linux_amd64": true, "linux_arm64": true}
	for _, m := range manifest.Manifests {
		platform := m.Platform.OS + "_" + m.Platform.Architecture
		if !missing[platform] {
			continue // bills of materials
		}
		delete(missing, platform)
		image, err := index.Image(m.Digest)
		if err == nil {
			err = r.verifyImageOf(image, platform)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	for platform := range missing {
		return errors.New("there is no image for " + platform)
	}
	return nil
}

// verifyImageOf checks that an image contains the program. The checksums of the layout cover it.
func (r *release) verifyImageOf(image v1.Image, platform string) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	if len(layers) != 1 {
		return fmt.Errorf("the image has %d layers", len(layers))
	}
	layer, err := layers[0].Uncompressed()
	if err != nil {
		return err
	}
	defer layer.Close()
	files, err := untar(layer)
	if err != nil {
		return err
	}
	program, ok := files["egraft"]
	if !ok {
		return errors.New("the image has no egraft")
	}
	return r.verifyProgram(&program, platform)
}
