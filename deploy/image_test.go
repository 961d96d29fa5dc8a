//go:build e2e

package deploy

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// image builds egraft's image in a copy of the tree with a umask, and returns the path of bin.
func image(t *testing.T, umask string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles egraft for two platforms")
	}
	dir := t.TempDir()
	for _, folder := range []string{"cmd", "crds", "deploy", "internal", "pkg", "e2e", "hack"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join("..", folder))))
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(read(t, filepath.Join("..", file))), 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "umask "+umask+" && hack/image.sh registry.example/egraft:test")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SOURCE_DATE_EPOCH=86400")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(dir, "bin")
}

func TestImage(t *testing.T) {
	bin := image(t, "022")
	t.Run("is reproducible", func(t *testing.T) {
		again := image(t, "077")
		for _, file := range []string{"egraft-image.tar", "egraft-linux-amd64.cdx.json", "egraft-linux-arm64.cdx.json", "echo-image.tar"} {
			one, other := read(t, filepath.Join(bin, file)), read(t, filepath.Join(again, file))
			assert.Zero(t, strings.Compare(one, other), file) // not Equal, which would print them
		}
	})
	t.Run("has a bill of materials", func(t *testing.T) {
		var bill struct {
			Components []struct{ Name, Version string }
		}
		require.NoError(t, json.Unmarshal([]byte(read(t, filepath.Join(bin, "egraft-linux-arm64.cdx.json"))), &bill))
		versions := map[string]string{}
		for _, c := range bill.Components {
			versions[c.Name] = c.Version
		}
		require.Contains(t, read(t, "../go.mod"), "\tgoogle.golang.org/grpc "+versions["google.golang.org/grpc"]+"\n")
		require.NotContains(t, versions, "github.com/stretchr/testify", "it is not in the program")
	})
	images := unpacked(t, filepath.Join(bin, "egraft-image.tar"))
	for i, platform := range []string{"linux/amd64", "linux/arm64"} {
		t.Run(platform, func(t *testing.T) { contents(t, images[i], platform) })
	}
}

// unpacked returns the images in an archive by platform.
func unpacked(t *testing.T, archive string) []v1.Image {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files(t, bytes.NewReader([]byte(read(t, archive)))) {
		path := filepath.Join(dir, file.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		if file.Typeflag == tar.TypeReg {
			require.NoError(t, os.WriteFile(path, file.content, 0o600))
		}
	}
	all, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	top, err := all.IndexManifest()
	require.NoError(t, err)
	require.Len(t, top.Manifests, 1)
	_, err = name.NewTag(top.Manifests[0].Annotations["io.containerd.image.name"], name.StrictValidation)
	require.NoError(t, err)
	index, err := all.ImageIndex(top.Manifests[0].Digest)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	var out []v1.Image
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		out = append(out, image)
	}
	return out
}

// contents checks that an image contains only the program and its user.
func contents(t *testing.T, image v1.Image, platform string) {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, platform, config.Platform().String())
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, []string{"/egraft"}, config.Config.Entrypoint)
	require.Equal(t, int64(86400), config.Created.Unix())
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	layer, err := layers[0].Uncompressed()
	require.NoError(t, err)
	modes := map[string]int64{}
	for _, file := range files(t, layer) {
		modes[file.Name] = file.Mode
	}
	require.NoError(t, layer.Close())
	require.Equal(t, map[string]int64{"egraft": 0o755, "etc/": 0o755, "etc/passwd": 0o644, "etc/group": 0o644}, modes)
}

type file struct {
	tar.Header
	content []byte
}

func files(t *testing.T, r io.Reader) (out []file) {
	t.Helper()
	for reader := tar.NewReader(r); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		out = append(out, file{*header, content})
	}
}
