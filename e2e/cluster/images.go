package cluster

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"

	"github.com/egraft/egraft/e2e/parts"
)

const platform = "linux/" + runtime.GOARCH

// Versions of installed programs.
const (
	// GatewayVersion is the release of Envoy Gateway. This module also requires its Go module.
	GatewayVersion = "v1.9.1"
	spireVersion   = "1.13.3"
)

// envoyReferences returns the references by tag and by digest of the Envoy that Envoy Gateway
// deploys. Kubernetes requests it by digest.
func envoyReferences() (byTag, byDigest string) {
	byTag, digest, _ := strings.Cut(egv1a1.DefaultEnvoyProxyImage, "@")
	name, _, _ := strings.Cut(byTag, ":")
	return byTag, name + "@" + digest
}

// PulledParts returns the programs in images that a cluster with a registry pulls.
func PulledParts() []parts.Name {
	return []parts.Name{parts.Envoy, parts.EnvoyGateway, parts.SPIREServer, parts.SPIREAgent}
}

// PackPulled packs the images that a cluster without a registry cannot pull, as tarballs in a
// directory.
func PackPulled(ctx context.Context, dir string, programs map[parts.Name]string) error {
	envoy, _ := envoyReferences()
	images := []image{
		{name: "pause", references: []string{"registry.k8s.io/pause:3.10"}, entrypoint: "/pause", files: map[string]string{"pause": programs[PauseProgram]}},
		{name: "envoy", references: []string{envoy}, entrypoint: "/usr/local/bin/envoy", files: map[string]string{"usr/local/bin/envoy": programs[parts.Envoy]}},
		{
			name: "gateway", references: []string{"docker.io/envoyproxy/gateway:" + GatewayVersion}, entrypoint: "/usr/local/bin/envoy-gateway",
			files: map[string]string{"usr/local/bin/envoy-gateway": programs[parts.EnvoyGateway]}, directories: []string{"var/lib/eg", "home/nonroot"},
		},
		spire("spire-server", programs[parts.SPIREServer]),
		spire("spire-agent", programs[parts.SPIREAgent]),
	}
	for _, i := range images {
		if err := i.pack(ctx, programs[ImageProgram], dir); err != nil {
			return fmt.Errorf("pack the images of a cluster: %w", err)
		}
	}
	return nil
}

// TagPulled adds the references by which Kubernetes requests imported images.
func TagPulled(ctx context.Context, tag func(ctx context.Context, from, to string) error) error {
	byTag, byDigest := envoyReferences()
	return tag(ctx, byTag, byDigest)
}

// spire returns a SPIRE image, with the program at the same path as in SPIRE's own.
func spire(name, program string) image {
	path := "opt/spire/bin/" + name
	return image{
		name: name, references: []string{"ghcr.io/spiffe/" + name + ":" + spireVersion}, entrypoint: "/" + path,
		files: map[string]string{path: program}, user: "0:0",
	}
}
