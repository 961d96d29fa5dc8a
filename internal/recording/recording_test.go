package recording

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

func cluster(t *testing.T, name string) []byte {
	t.Helper()
	b, err := proto.Marshal(&clusterv3.Cluster{Name: name})
	require.NoError(t, err)
	return b
}

func sample(t *testing.T) *Recording {
	at := time.Date(2026, 8, 1, 12, 0, 0, 5e6, time.UTC)
	single := &Call{
		Meta: Meta{ID: "1", Gateway: "default/eg", Translation: "2", First: at, Last: at, Count: 1},
		Call: &engine.Call{Hook: mutator.HookCluster, Objects: [][]byte{[]byte(`{"a":"<b>"}`)}, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{cluster(t, "x")}}}},
	}
	translation := &Call{
		Meta: Meta{ID: "2", Gateway: "default/eg", First: at, Last: at, Count: 3, Bytes: 10, Took: metav1.Duration{Duration: 1500 * time.Microsecond}, Changed: 1, Redacted: 1},
		Call: &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{cluster(t, "a"), cluster(t, "b")}}}},
	}
	other := &Call{Meta: Meta{ID: "3", Gateway: "default/../../x"}, Call: &engine.Call{Hook: mutator.HookTranslation}}
	last := &Call{Meta: Meta{ID: "4", Gateway: "default/eg"}, Call: &engine.Call{Hook: mutator.HookRoute, Hostnames: []string{"a.example.com"}}}
	return &Recording{
		Header: Header{Version: 1, Created: at, Egraft: "v0.1.0", Features: []string{"backend-mtls"}, Settings: map[string]string{"cache-size": "1Mi"}, Dropped: 2},
		Calls:  []*Call{single, translation, other, last},
	}
}

func TestWrittenIsRead(t *testing.T) {
	want := sample(t)
	for _, name := range []string{"dir", "file.tar", "file.tar.gz", "file.tgz"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, want.Write(path))
			got, err := Open(path)
			require.NoError(t, err)
			require.Equal(t, want, got)
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o077, "others may not read it")
		})
	}
}

func TestDirectoryIsReadable(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sample(t).Write(dir))
	names, err := filepath.Glob(filepath.Join(dir, "calls", "*"))
	require.NoError(t, err)
	require.Equal(t, []string{
		filepath.Join(dir, "calls/00001-cluster-default-eg.json"), filepath.Join(dir, "calls/00002-translation-default-eg.json"),
		filepath.Join(dir, "calls/00003-translation-default-x.json"), filepath.Join(dir, "calls/00004-route-default-eg.json"),
	}, names)
	text, err := os.ReadFile(names[1])
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	require.Equal(t, strings.Split(`{
"hook": "Translation",
"metadata": {"id":"2","gateway":"default/eg","first":"2026-08-01T12:00:00.005Z","last":"2026-08-01T12:00:00.005Z","count":3,"bytes":10,"took":"1.5ms","changed":1,"redacted":1},
"resources": {
"Cluster": [
{"name":"a"},
{"name":"b"}]}
}
`, "\n"), lines)
	require.ErrorContains(t, sample(t).Write(dir), "is not empty: name a new directory, or a file that ends in .tar.gz")
}

func TestLatest(t *testing.T) {
	r := sample(t)
	again := &Call{Meta: Meta{ID: "5", Gateway: "default/eg"}, Call: r.Calls[1].Call}
	r.Calls = append(r.Calls, again)
	require.Equal(t, []*Call{r.Calls[2], again}, r.Latest())
	require.Equal(t, []*Call{r.Calls[0]}, r.Singles(r.Calls[1]))
	require.Empty(t, r.Singles(again))
}

// TestConformanceCases reads all cases of the built-in features, both as directories and as files.
func TestConformanceCases(t *testing.T) {
	cases, err := filepath.Glob("../../pkg/features/*/testdata/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		file, err := Open(path)
		require.NoError(t, err)
		dir, err := Open(filepath.Dir(path))
		require.NoError(t, err)
		require.NotEmpty(t, file.Calls)
		require.Equal(t, file, dir)
		require.Equal(t, len(file.Calls) > 1, file.Calls[0].Abridged)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "has no recording.yaml"},
		{"no header", map[string]string{"calls/1.json": `{"hook":"Route"}`}, "has no recording.yaml"},
		{"later version", map[string]string{"recording.yaml": "version: 2"}, "recording.yaml: version 2 is not supported, this egraft reads version 1"},
		{"unknown field", map[string]string{"recording.yaml": "version: 1", "calls/1.json": `{"hook":"Route","x":1}`}, `calls/1.json: json: unknown field "x"`},
		{"unknown field of a resource", map[string]string{"recording.yaml": "version: 1", "calls/1.yaml": "hook: Cluster\nresources: {Cluster: [{name: a}, {x: 1}]}"}, `calls/1.yaml: resources.Cluster[1]: `},
		{"unknown hook", map[string]string{"recording.yaml": "version: 1", "calls/1.yaml": "hook: Nope"}, `calls/1.yaml: hook: there is no hook "Nope"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(archive(t, test.files))
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := Open(filepath.Join(t.TempDir(), "absent"))
	require.ErrorContains(t, err, "absent: no such file or directory")
	_, err = Open(t.TempDir())
	require.ErrorContains(t, err, "has neither recording.yaml nor in.yaml: ")
}

func archive(t *testing.T, files map[string]string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"recording.yaml", "calls/1.json", "calls/1.yaml", "../../etc/passwd", "/calls/../calls/1.json", "calls/x/1.json"} {
		if text, found := files[name]; found {
			require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600}))
			_, err := w.Write([]byte(text))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return &b
}

// TestOthersAreSkipped: other files of a tar file are skipped, whatever their paths are.
func TestOthersAreSkipped(t *testing.T) {
	r, err := Read(archive(t, map[string]string{"recording.yaml": "version: 1", "../../etc/passwd": "x", "/calls/../calls/1.json": "x", "calls/x/1.json": "x"}))
	require.NoError(t, err)
	require.Empty(t, r.Calls)
}

func TestLimits(t *testing.T) {
	small := limits{files: 2, bytes: 10_000}
	read := func(files map[string]string) error {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := archive(t, files).WriteTo(z)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		_, err = readTar(bufio.NewReader(&b), small)
		return err
	}
	const header, call = "version: 1", `{"hook":"Route"}`
	require.NoError(t, read(map[string]string{"recording.yaml": header, "calls/1.json": call}))
	require.ErrorIs(t, read(map[string]string{"recording.yaml": header, "calls/1.json": call, "calls/1.yaml": call}), errFiles)
	bomb := string(bytes.Repeat([]byte(" "), 20_000))
	require.Error(t, read(map[string]string{"recording.yaml": header, "calls/1.json": bomb}))
	require.ErrorContains(t, read(map[string]string{"recording.yaml": header, "../../etc/passwd": bomb}), "unexpected EOF")

	dir := t.TempDir()
	require.NoError(t, sample(t).Write(dir))
	_, err := readDir(os.DirFS(dir), small)
	require.ErrorIs(t, err, errFiles)
	_, err = readDir(os.DirFS(dir), limits{files: 100, bytes: 200})
	require.ErrorIs(t, err, errBytes)
}

// TestInvalidObject: invalid JSON is stored as a string, which is not a valid custom resource either.
func TestInvalidObject(t *testing.T) {
	r := sample(t)
	r.Calls[0].Objects = [][]byte{[]byte("{\x1b")}
	var b bytes.Buffer
	require.NoError(t, r.WriteTarGz(&b))
	got, err := Read(&b)
	require.NoError(t, err)
	require.Equal(t, `"{\u001b"`, string(got.Calls[0].Objects[0]))
}

func BenchmarkRead(b *testing.B) {
	call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster}}}
	for i := range 10_000 {
		c, err := proto.Marshal(&clusterv3.Cluster{Name: fmt.Sprint("cluster", i), AltStatName: string(bytes.Repeat([]byte("x"), 1000))})
		require.NoError(b, err)
		call.Resources[0].Encoded = append(call.Resources[0].Encoded, c)
	}
	r := &Recording{Calls: []*Call{{Call: call}}}
	var buffer bytes.Buffer
	require.NoError(b, r.WriteTarGz(&buffer))
	b.SetBytes(int64(buffer.Len()))
	for b.Loop() {
		_, err := Read(bytes.NewReader(buffer.Bytes()))
		require.NoError(b, err)
	}
}
