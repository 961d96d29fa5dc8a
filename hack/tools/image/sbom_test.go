package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// programRoot holds a small Go program.
func programRoot(t *testing.T) string {
	t.Helper()
	root, source := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module m.example/app\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(source, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", filepath.Join(root, "app"), ".")
	cmd.Dir = source
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return root
}

func TestBillIsInTheIndex(t *testing.T) {
	root, bills := programRoot(t), t.TempDir()
	archive, printed := image(t, "--reference", "a.example/b:c", "--entrypoint", "/app", "--sbom-dir", bills, "--gzip", "1",
		"linux/amd64="+root, "linux/arm64="+root)
	all := unpacked(t, archive)
	top := must(all.IndexManifest())
	require.Len(t, top.Manifests, 1, "what is beside the index would be unpacked as an image")
	require.Contains(t, printed, "a.example/b:c@"+top.Manifests[0].Digest.String()+"\n")
	index := must(all.ImageIndex(top.Manifests[0].Digest))
	manifest := must(index.IndexManifest())
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	require.Equal(t, []string{"linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"}, platforms)

	for i, file := range []string{"app-linux-amd64.cdx.json", "app-linux-arm64.cdx.json"} {
		subject, of := manifest.Manifests[i], manifest.Manifests[i+2]
		require.Equal(t, "application/vnd.cyclonedx+json", of.ArtifactType)
		artifact := must(index.Image(of.Digest))
		require.Equal(t, subject.Digest, must(artifact.Manifest()).Subject.Digest)
		require.Equal(t, string(must(os.ReadFile(filepath.Join(bills, file)))), content(t, artifact))
	}
}

func content(t *testing.T, artifact v1.Image) string {
	t.Helper()
	layers := must(artifact.Layers())
	require.Len(t, layers, 1)
	var out bytes.Buffer
	must(out.ReadFrom(must(layers[0].Compressed())))
	return out.String()
}

func TestBill(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "m.example/app", Version: "v1.0.0+dirty"},
		Deps: []*debug.Module{
			{Path: "m.example/lib", Version: "v2.3.4"},
			{Path: "m.example/old", Version: "v1.0.0", Replace: &debug.Module{Path: "m.example/fork", Version: "v1.0.1"}},
		},
	}
	text, err := billOf(info, time.Unix(86400, 0).UTC())
	require.NoError(t, err)
	bom := cdx.BOM{}
	require.NoError(t, cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom))
	require.Equal(t, cdx.SpecVersion1_6, bom.SpecVersion)
	require.Equal(t, "1970-01-02T00:00:00Z", bom.Metadata.Timestamp)
	require.Equal(t, "pkg:golang/m.example/app@v1.0.0%2Bdirty?type=module", bom.Metadata.Component.PackageURL)
	var urls []string
	for _, c := range *bom.Components {
		urls = append(urls, c.PackageURL)
	}
	want := []string{
		"pkg:golang/std@1.26.8?type=module", "pkg:golang/m.example/lib@v2.3.4?type=module", "pkg:golang/m.example/fork@v1.0.1?type=module",
	}
	require.Equal(t, want, urls)
	require.Equal(t, want, *(*bom.Dependencies)[0].Dependencies)
	again, err := billOf(info, time.Unix(86400, 0).UTC())
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

func TestLabelsOfAProgram(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}},
	}
	require.Equal(t, map[string]string{
		"org.opencontainers.image.version": "v1.2.3", "org.opencontainers.image.revision": "abc", "x": "y",
	}, labels(map[string]string{"x": "y"}, info))
	require.Equal(t, map[string]string{"org.opencontainers.image.version": "mine", "org.opencontainers.image.revision": "abc"},
		labels(map[string]string{"org.opencontainers.image.version": "mine"}, info), "what is given wins")
	require.Empty(t, labels(nil, &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}))
	require.Empty(t, labels(nil, nil))
}

// TestBillOfAProgram: a program outside an image has the same bill as in one.
func TestBillOfAProgram(t *testing.T) {
	root, bills := programRoot(t), t.TempDir()
	image(t, "--reference", "a.example/b:c", "--entrypoint", "/app", "--sbom-dir", bills, "--gzip", "1", "--created", "86400", "linux/amd64="+root)
	var stdout, stderr bytes.Buffer
	require.Zero(t, run([]string{"sbom", filepath.Join(root, "app")}, "86400", &stdout, &stderr), stderr.String())
	require.Equal(t, string(must(os.ReadFile(filepath.Join(bills, "app-linux-amd64.cdx.json")))), stdout.String())

	stdout.Reset()
	text := filepath.Join(root, "text")
	require.NoError(t, os.WriteFile(text, []byte("text"), 0o600))
	require.Equal(t, 1, run([]string{"sbom", text}, "", &stdout, &stderr))
	require.Equal(t, "image: list the modules of a program: could not read Go build info from "+text+": unrecognized file format\n", stderr.String())
	require.Empty(t, stdout.String())
}
