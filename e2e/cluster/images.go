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

// Versions of what is installed.
const (
	// GatewayVersion is the release of Envoy Gateway, whose module this one
	// needs, too.
	GatewayVersion = "v1.9.1"
	spireVersion   = "1.13.3"
)

// envoyReferences are the reference by tag and the one by digest of the Envoy
// that Envoy Gateway deploys. Kubernetes asks for it by digest.
func envoyReferences() (byTag, byDigest string) {
	byTag, digest, _ := strings.Cut(egv1a1.DefaultEnvoyProxyImage, "@")
	name, _, _ := strings.Cut(byTag, ":")
	return byTag, name + "@" + digest
}

// PulledParts are the programs in images that a cluster with a registry pulls.
func PulledParts() []parts.Name {
	return []parts.Name{parts.Envoy, parts.EnvoyGateway, parts.SPIREServer, parts.SPIREAgent}
}

// PackPulled makes the images that a cluster without a registry cannot pull, as
// tarballs in a directory.
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

// TagPulled gives imported images the names by which Kubernetes asks for them.
func TagPulled(ctx context.Context, tag func(ctx context.Context, from, to string) error) error {
	byTag, byDigest := envoyReferences()
	return tag(ctx, byTag, byDigest)
}

// spire is an image of SPIRE's, with the program where SPIRE's own has it.
func spire(name, program string) image {
	path := "opt/spire/bin/" + name
	return image{
		name: name, references: []string{"ghcr.io/spiffe/" + name + ":" + spireVersion}, entrypoint: "/" + path,
		files: map[string]string{path: program}, user: "0:0",
	}
}
