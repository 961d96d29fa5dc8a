package builder

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocilayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
)

// unpack unpacks a tar file into a directory and returns the modes of its entries.
func unpack(t *testing.T, text []byte, dir string) map[string]int64 {
	t.Helper()
	modes := map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return modes
		}
		require.NoError(t, err)
		modes[h.Name] = h.Mode
		require.Equal(t, int64(86400), h.ModTime.Unix())
		require.Zero(t, h.Uid)
		file := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(file, 0o700))
			continue
		}
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, content, 0o600))
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// written returns the image of programs whose content is the name of their platform.
func written(t *testing.T, platforms ...string) (index v1.ImageIndex, text []byte) {
	t.Helper()
	b := &Build{Output: t.TempDir(), Platforms: platforms, Image: "registry.example/egraft:v1", Environ: []string{"SOURCE_DATE_EPOCH=86400"}, Log: io.Discard}
	for _, p := range platforms {
		require.NoError(t, os.WriteFile(b.program(p), []byte(p), 0o600))
	}
	require.NoError(t, b.writeImage(t.Context()))
	text, err := os.ReadFile(filepath.Join(b.Output, "image.tar"))
	require.NoError(t, err)
	dir := t.TempDir()
	unpack(t, text, dir)
	index, err = ocilayout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs/sha256"))
	require.NoError(t, err)
	for _, blob := range blobs {
		content, err := os.ReadFile(filepath.Join(dir, "blobs/sha256", blob.Name()))
		require.NoError(t, err)
		require.Equal(t, blob.Name(), digest(content))
	}
	return index, text
}

// requireImage checks that an image has a program and its user.
func requireImage(t *testing.T, image v1.Image, platform string) {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, platform, config.Platform().String())
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, []string{"/egraft"}, config.Config.Entrypoint)
	layers, err := image.Layers()
	require.NoError(t, err)
	r, err := layers[0].Uncompressed()
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, digest(text), config.RootFS.DiffIDs[0].Hex)
	dir := t.TempDir()
	require.Equal(t, map[string]int64{"egraft": 0o755, "etc/": 0o755, "etc/passwd": 0o644, "etc/group": 0o644}, unpack(t, text, dir))
	content, err := os.ReadFile(filepath.Join(dir, "egraft"))
	require.NoError(t, err)
	require.Equal(t, platform, string(content))
}

func TestImage(t *testing.T) {
	index, text := written(t, "linux/arm64")
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	d := manifest.Manifests[0]
	require.Equal(t, "registry.example/egraft:v1", d.Annotations["io.containerd.image.name"])
	require.Equal(t, "v1", d.Annotations["org.opencontainers.image.ref.name"])
	image, err := index.Image(d.Digest)
	require.NoError(t, err)
	requireImage(t, image, "linux/arm64")
	_, again := written(t, "linux/arm64")
	require.True(t, bytes.Equal(text, again), "the same program gives the same bytes")
}

func TestImageForSeveralPlatforms(t *testing.T) {
	layout, _ := written(t, "linux/amd64", "linux/arm64")
	top, err := layout.IndexManifest()
	require.NoError(t, err)
	require.Len(t, top.Manifests, 1)
	index, err := layout.ImageIndex(top.Manifests[0].Digest)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	for i, platform := range []string{"linux/amd64", "linux/arm64"} {
		require.Equal(t, platform, manifest.Manifests[i].Platform.String())
		image, err := index.Image(manifest.Manifests[i].Digest)
		require.NoError(t, err)
		requireImage(t, image, platform)
	}
}

func TestNames(t *testing.T) {
	for image, want := range map[string]string{
		"egraft:v1": "docker.io/library/egraft:v1", "me/egraft:v1": "docker.io/me/egraft:v1",
		"localhost/egraft:v1": "localhost/egraft:v1", "a.example:5000/b:v1": "a.example:5000/b:v1", "localhost:5000/b:v1": "localhost:5000/b:v1",
	} {
		require.NoError(t, validateReference(image))
		require.Equal(t, want, names(image)["io.containerd.image.name"])
		require.Equal(t, "v1", names(image)["org.opencontainers.image.ref.name"])
	}
}

// TestBill: the bill of materials of a program equals that of a release.
func TestBill(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a tool")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../../hack/tools/image", "run", ".", "sbom", self)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=86400")
	want, err := cmd.Output()
	require.NoError(t, err)
	tool, err := FindGo(os.Environ())
	require.NoError(t, err)
	b := &Build{Go: tool, Environ: []string{"SOURCE_DATE_EPOCH=86400"}}
	got, err := b.billOf(t.Context(), self)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
