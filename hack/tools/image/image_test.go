package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sampleRoot is a file system with every kind of entry.
func sampleRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "data", "deep"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(root, "app"), []byte("#!/bin/app\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "data", "deep", "file"), []byte("content"), 0o640))
	require.NoError(t, os.WriteFile(filepath.Join(root, "data.txt"), nil, 0o644))
	require.NoError(t, os.Symlink("app", filepath.Join(root, "link")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "tmp"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(root, "tmp"), 0o777|fs.ModeSticky))
	require.NoError(t, os.Chmod(filepath.Join(root, "app"), 0o755|fs.ModeSetuid))
	return root
}

// image runs the program and returns its archive and what it printed.
func image(t *testing.T, args ...string) (archive, printed string) {
	t.Helper()
	archive = filepath.Join(t.TempDir(), "x.tar")
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(append([]string{"--output", archive}, args...), "", &stdout, &stderr), stderr.String())
	require.Empty(t, stderr.String())
	return archive, stdout.String()
}

// unpacked reads the layout of an archive, and checks every digest and size in it.
func unpacked(t *testing.T, archive string) v1.ImageIndex {
	t.Helper()
	directory := t.TempDir()
	for _, e := range entries(t, must(os.Open(archive))) {
		path := filepath.Join(directory, e.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if e.Typeflag == tar.TypeReg {
			require.NoError(t, os.WriteFile(path, e.content, 0o600))
		}
	}
	index, err := layout.ImageIndexFromPath(directory)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
	return index
}

type entry struct {
	tar.Header
	content []byte
}

func entries(t *testing.T, r io.ReadCloser) (out []entry) {
	t.Helper()
	defer r.Close()
	for reader := tar.NewReader(r); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		out = append(out, entry{*header, content})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestOnePlatform(t *testing.T) {
	archive, printed := image(t, "--reference", "registry.example/app:v1", "--reference", "busybox.example/b:2", "--entrypoint", "/app",
		"--entrypoint", "--flag", "--user", "65532:65532", "--env", "A=b", "--label", "l=m", "--created", "86400",
		"--owner", "/data=7:8", "--owner", "/data/deep/file=9:9", "linux/arm64/v8="+sampleRoot(t))
	top := must(unpacked(t, archive).IndexManifest())
	require.Len(t, top.Manifests, 2)
	require.Equal(t, map[string]string{
		"io.containerd.image.name": "registry.example/app:v1", "org.opencontainers.image.ref.name": "v1",
	}, top.Manifests[0].Annotations)
	require.Equal(t, "busybox.example/b:2", top.Manifests[1].Annotations["io.containerd.image.name"])
	require.Equal(t, types.OCIManifestSchema1, top.Manifests[0].MediaType)
	require.Equal(t, "linux/arm64/v8", top.Manifests[0].Platform.String())
	require.Contains(t, printed, "registry.example/app:v1@"+top.Manifests[0].Digest.String()+"\n")

	img := must(unpacked(t, archive).Image(top.Manifests[0].Digest))
	config := must(img.ConfigFile())
	day := time.Unix(86400, 0).UTC()
	require.Equal(t, v1.Config{
		Entrypoint: []string{"/app", "--flag"}, User: "65532:65532", Env: []string{"A=b"}, Labels: map[string]string{"l": "m"},
	}, config.Config)
	require.Equal(t, "linux/arm64/v8", config.Platform().String())
	require.Equal(t, day, config.Created.Time)

	layers := must(img.Layers())
	require.Len(t, layers, 1)
	require.Equal(t, types.OCILayer, must(layers[0].MediaType()))
	type file struct {
		name, link, content string
		kind                byte
		mode                int64
		uid, gid            int
	}
	var got []file
	for _, e := range entries(t, must(layers[0].Uncompressed())) {
		got = append(got, file{e.Name, e.Linkname, string(e.content), e.Typeflag, e.Mode, e.Uid, e.Gid})
		assert.Equal(t, day, e.ModTime.UTC(), e.Name)
	}
	require.Equal(t, []file{
		{"app", "", "#!/bin/app\n", tar.TypeReg, 0o4755, 0, 0},
		{"data/", "", "", tar.TypeDir, 0o750, 7, 8},
		{"data/deep/", "", "", tar.TypeDir, 0o750, 7, 8},
		{"data/deep/file", "", "content", tar.TypeReg, 0o640, 9, 9},
		{"data.txt", "", "", tar.TypeReg, 0o644, 0, 0},
		{"link", "app", "", tar.TypeSymlink, 0o777, 0, 0},
		{"tmp/", "", "", tar.TypeDir, 0o1777, 0, 0},
	}, got)
}

// TestReproducible: the same files give the same archive, whoever created them and when.
func TestReproducible(t *testing.T) {
	root := sampleRoot(t)
	args := []string{"--reference", "a.example/b:c", "--entrypoint", "/app", "linux/amd64=" + root, "linux/arm64=" + root}
	first, _ := image(t, args...)
	then := time.Now().Add(-24 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(root, "app"), then, then))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(filepath.Join(root, "data"), 1000, 1000))
	}
	second, _ := image(t, args...)
	require.True(t, bytes.Equal(must(os.ReadFile(first)), must(os.ReadFile(second))))
	for _, e := range entries(t, must(os.Open(first))) {
		assert.Equal(t, int64(0), e.ModTime.Unix(), e.Name)
		assert.Contains(t, []int64{0o644, 0o755}, e.Mode, "%s: the mode is not that of the umask", e.Name)
		assert.Equal(t, e.Typeflag == tar.TypeDir, e.Mode == 0o755, e.Name)
	}

	require.NoError(t, os.Chmod(filepath.Join(root, "app"), 0o711))
	third, _ := image(t, args...)
	require.False(t, bytes.Equal(must(os.ReadFile(first)), must(os.ReadFile(third))), "a mode is part of the image")
}

func TestNamesOnDockerHub(t *testing.T) {
	archive, printed := image(t, "--reference", "docker.io/library/busybox:1", "--entrypoint", "/app", "linux/amd64="+sampleRoot(t))
	require.Contains(t, printed, "docker.io/library/busybox:1@sha256:")
	top := must(unpacked(t, archive).IndexManifest())
	require.Equal(t, "docker.io/library/busybox:1", top.Manifests[0].Annotations["io.containerd.image.name"])
}
