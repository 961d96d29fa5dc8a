package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/version"
)

const crd = "kind: CustomResourceDefinition\n"

// program returns a stand-in for egraft on a platform, which runs and which [recorded] can read.
func program(version, platform string) string {
	return "#!/bin/sh\necho egraft " + version + "\n# " + version + " " + platform + " abc\n"
}

// recorded returns what the Go command would have recorded in such a program.
func recorded(r io.ReaderAt) (*debug.BuildInfo, error) {
	text, err := io.ReadAll(io.NewSectionReader(r, 0, 1000))
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(text[bytes.LastIndexByte(text, '#')+1:]))
	system, architecture, _ := strings.Cut(words[1], "_")
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: module, Version: words[0]}}
	for key, value := range map[string]string{
		"GOOS": system, "GOARCH": architecture, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": words[2], "vcs.modified": "false",
	} {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return info, nil
}

// fixture is a release with small files.
type fixture struct {
	*release

	t *testing.T
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{&release{dir: t.TempDir(), version: "v1.2.3", commit: "abc", builder: "https://builder.example", info: recorded}, t}
	for _, p := range platforms {
		f.pack(f.name(p+".tar.gz"), f.name(p), map[string]string{"egraft": program(f.version, p), "LICENSE": "Apache"})
		f.write(f.name(p+".cdx.json"), fmt.Sprintf(`{"bomFormat":"CycloneDX","metadata":{"component":{"name":%q,"version":%q}},"components":[{"name":"std"}]}`, module, f.version))
	}
	f.image(version.Image+":"+f.version, map[string]string{"linux_amd64": program(f.version, "linux_amd64"), "linux_arm64": program(f.version, "linux_arm64")})
	f.write(f.name("crds.yaml"), crd)
	f.pack(f.name("manifests.tar.gz"), f.name("manifests"), f.manifests())
	f.chart("egraft", "version: 1.2.3\nappVersion: v1.2.3", "image: {tag: ''}")
	f.chart("gateway-helm-egraft", "version: 1.2.3\nappVersion: "+version.EnvoyGateway, "egraft: {image: {tag: v1.2.3}}")
	f.sums()
	require.NoError(t, f.writeProvenance())
	return f
}

func (f *fixture) manifests() map[string]string {
	return map[string]string{
		"LICENSE": "Apache", "crds/kustomization.yaml": "resources: []", "crds/egraft.io_policies.yaml": crd,
		"deploy/component/sidecar.yaml": "image: " + version.Image + ":v1.2.3\n", "deploy/component/kustomization.yaml": "images:\n  - name: " + version.Image + "\n    newTag: v1.2.3\n",
		"deploy/deployment/deployment.yaml": "# It is `" + version.Image + ":v1.2.3`.\n", "deploy/helm/post-render.sh": "",
	}
}

func (f *fixture) chart(name, header, values string) {
	f.pack(name+"-1.2.3.tgz", name, map[string]string{"Chart.yaml": "name: " + name + "\n" + header, "values.yaml": values, "files/crds/egraft.io_policies.yaml": crd})
}

func (f *fixture) write(name, text string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600))
}

// pack writes a compressed archive with a directory.
func (f *fixture) pack(name, directory string, files map[string]string) {
	f.t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(tarOf(f.t, directory+"/", files))
	require.NoError(f.t, err)
	require.NoError(f.t, w.Close())
	f.write(name, out.String())
}

// tarOf returns an archive of programs and other files.
func tarOf(t *testing.T, prefix string, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: prefix + name, Mode: 0o755, Size: int64(len(files[name]))}))
		_, err := w.Write([]byte(files[name]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// image writes an image layout with a program for each platform.
func (f *fixture) image(name string, programs map[string]string) {
	f.t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, platform := range slices.Sorted(maps.Keys(programs)) {
		content := tarOf(f.t, "", map[string]string{"egraft": programs[platform]})
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
		require.NoError(f.t, err)
		image, err := mutate.AppendLayers(empty.Image, layer)
		require.NoError(f.t, err)
		system, architecture, _ := strings.Cut(platform, "_")
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: architecture}}})
	}
	dir := f.t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	require.NoError(f.t, err)
	require.NoError(f.t, l.AppendIndex(index, layout.WithAnnotations(map[string]string{"io.containerd.image.name": name})))
	files := map[string]string{}
	for _, pattern := range []string{"*", "blobs/sha256/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(f.t, err)
		for _, file := range found {
			if text, err := os.ReadFile(file); err == nil { // not a directory
				relative, err := filepath.Rel(dir, file)
				require.NoError(f.t, err)
				files[relative] = string(text)
			}
		}
	}
	f.write(f.release.name("image.tar"), string(tarOf(f.t, "", files)))
}

// sums writes the checksums of the files in their current state.
func (f *fixture) sums() {
	f.t.Helper()
	var out strings.Builder
	for _, name := range f.artifacts() {
		sum, err := f.sum(name)
		require.NoError(f.t, err)
		out.WriteString(sum + "  " + name + "\n")
	}
	f.write(sumsFile, out.String())
}
