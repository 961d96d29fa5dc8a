package main

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	billType = "application/vnd.cyclonedx+json"
	// The empty config, and its content:
	// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
	emptyType = "application/vnd.oci.empty.v1+json"
	emptyJSON = "{}"
)

// artifact is a manifest that refers to an image and holds one file of another kind.
type artifact struct {
	manifest []byte
	layer    v1.Layer
}

// newArtifact makes a bill of materials an artifact whose subject is an image. Registries find the
// bill by its subject.
func newArtifact(bill []byte, subject v1.Image) (v1.Image, error) {
	layer := static.NewLayer(bill, billType)
	of, err := partial.Descriptor(subject)
	if err != nil {
		return nil, fmt.Errorf("describe an image: %w", err)
	}
	content, err := partial.Descriptor(layer)
	if err != nil {
		return nil, fmt.Errorf("describe a bill of materials: %w", err)
	}
	config, err := partial.Descriptor(static.NewLayer([]byte(emptyJSON), emptyType))
	if err != nil {
		return nil, fmt.Errorf("describe an empty configuration: %w", err)
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: billType,
		Config: *config, Layers: []v1.Descriptor{*content}, Subject: of,
	})
	if err != nil {
		return nil, fmt.Errorf("write the manifest of a bill of materials: %w", err)
	}
	return partial.CompressedToImage(&artifact{manifest, layer})
}

// MediaType implements partial.CompressedImageCore.
func (a *artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest implements partial.CompressedImageCore.
func (a *artifact) RawManifest() ([]byte, error) { return a.manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (a *artifact) RawConfigFile() ([]byte, error) { return []byte(emptyJSON), nil }

// LayerByDigest implements partial.CompressedImageCore. There is one layer.
func (a *artifact) LayerByDigest(v1.Hash) (partial.CompressedLayer, error) { return a.layer, nil }
