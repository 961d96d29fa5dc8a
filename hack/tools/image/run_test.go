package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestUsageErrors(t *testing.T) {
	good := []string{"--output", "x", "--reference", "a.example/b:c", "--entrypoint", "/app", "linux/amd64=."}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "--output, --reference, --entrypoint and PLATFORM=DIRECTORY are needed"},
		{"unknown flag", []string{"--x"}, "unknown flag: --x"},
		{"no tag", append([]string{"--reference", "a.example/b"}, good...), "--reference: tag must be between 1 and 128 characters in length: "},
		{"no directory", append(good, "linux/amd64"), `"linux/amd64" is not PLATFORM=DIRECTORY, such as linux/amd64=root`},
		{"no architecture", append(good, "linux=."), `"linux=." is not PLATFORM=DIRECTORY, such as linux/amd64=root`},
		{"owner", append(good, "--owner", "data=1:2"), `--owner "data=1:2" is not PATH=UID:GID, such as /data=65532:65532`},
		{"time", append(good, "--created", "today"), `--created "today" is not a Unix time`},
		{"compression", append(good, "--gzip", "0"), "--gzip 0 is not from 1 to 9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			require.Equal(t, 2, run(test.args, "", io.Discard, &stderr))
			require.Equal(t, "image: "+test.want+"\nSee `image --help`.\n", stderr.String())
		})
	}
}

func TestFailures(t *testing.T) {
	pipe := sampleRoot(t)
	require.NoError(t, unix.Mkfifo(filepath.Join(pipe, "pipe"), 0o600))
	root, missing := sampleRoot(t), filepath.Join(t.TempDir(), "none")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no entrypoint", []string{"--entrypoint", "/other", "linux/amd64=" + root}, "pack linux/amd64: find the entrypoint: stat " + root + "/other: no such file or directory"},
		{"a pipe", []string{"--entrypoint", "/app", "linux/amd64=" + pipe}, "pack linux/amd64: pipe is neither a file nor a directory nor a symbolic link"},
		{"no Go program", []string{"--entrypoint", "/app", "--sbom-dir", ".", "linux/amd64=" + root}, "pack linux/amd64: list the modules of the entrypoint: it is not a Go program"},
		{"output", []string{"--entrypoint", "/app", "--output", missing + "/x", "linux/amd64=" + root}, "write " + missing + "/x: open " + missing + "/x: no such file or directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			args := append([]string{"--output", filepath.Join(t.TempDir(), "x.tar"), "--reference", "a.example/b:c"}, test.args...)
			require.Equal(t, 1, run(args, "", io.Discard, &stderr))
			require.Equal(t, "image: "+test.want+"\n", stderr.String())
		})
	}
}

func TestHelp(t *testing.T) {
	var stderr bytes.Buffer
	require.Zero(t, run([]string{"--help"}, "", io.Discard, &stderr))
	require.Contains(t, stderr.String(), "Usage: image --output FILE")
}

func TestTimeOfTheEnvironment(t *testing.T) {
	args := []string{"--output", filepath.Join(t.TempDir(), "x.tar"), "--reference", "a.example/b:c", "--entrypoint", "/app", "linux/amd64=" + sampleRoot(t)}
	s, err := parse(args, "86400", io.Discard)
	require.NoError(t, err)
	require.Equal(t, int64(86400), s.created.Unix())
}
