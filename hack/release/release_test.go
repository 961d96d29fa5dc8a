package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/version"
)

func TestVerify(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.verify())
	again := *f.release
	again.builder = "https://elsewhere.example"
	require.NoError(t, again.verify(), "whoever built it")
}

// TestVerifyFinds: verify finds each file that is missing or invalid, even if checksums and
// provenance match.
func TestVerifyFinds(t *testing.T) {
	both := func(one, other string) map[string]string {
		return map[string]string{"linux_amd64": one, "linux_arm64": other}
	}
	amd64, arm64 := program("v1.2.3", "linux_amd64"), program("v1.2.3", "linux_arm64")
	named := version.Image + ":v1.2.3"
	manifests := func(f *fixture, path, text string) {
		files := f.manifests()
		maps.Copy(files, map[string]string{path: text})
		f.pack("egraft_1.2.3_manifests.tar.gz", "egraft_1.2.3_manifests", files)
	}
	linux := func(f *fixture, files map[string]string) {
		f.pack("egraft_1.2.3_linux_arm64.tar.gz", "egraft_1.2.3_linux_arm64", files)
	}
	for want, harm := range map[string]func(*fixture){
		"linux_arm64: the program is " + module + " v1.2.2, not " + module + " v1.2.3": func(f *fixture) {
			linux(f, map[string]string{"egraft": program("v1.2.2", "linux_arm64"), "LICENSE": "Apache"})
		},
		"linux_arm64: the program was built with GOARCH=amd64, not arm64": func(f *fixture) {
			linux(f, map[string]string{"egraft": amd64, "LICENSE": "Apache"})
		},
		"linux_arm64: the program was built with vcs.revision=bcd, not abc": func(f *fixture) {
			linux(f, map[string]string{"egraft": strings.Replace(arm64, " abc", " bcd", 1), "LICENSE": "Apache"})
		},
		"linux_arm64: egraft_1.2.3_linux_arm64.tar.gz does not have the program and its licence, and nothing else": func(f *fixture) {
			linux(f, map[string]string{"egraft": arm64})
		},
		"egraft_1.2.3_darwin_arm64.cdx.json: it is not a CycloneDX list of the modules of " + module + " v1.2.3": func(f *fixture) {
			f.write("egraft_1.2.3_darwin_arm64.cdx.json", `{"bomFormat":"CycloneDX"}`)
		},
		"egraft_1.2.3_image.tar: the image is not named " + named:                                 func(f *fixture) { f.image(version.Image+":dev", both(amd64, arm64)) },
		"egraft_1.2.3_image.tar: there is no image for linux_arm64":                               func(f *fixture) { f.image(named, map[string]string{"linux_amd64": amd64}) },
		"egraft_1.2.3_image.tar: linux_arm64: the program was built with GOARCH=amd64, not arm64": func(f *fixture) { f.image(named, both(amd64, amd64)) },
		"egraft_1.2.3_manifests.tar.gz: deploy/deployment/deployment.yaml names the image of \"dev\"": func(f *fixture) {
			manifests(f, "deploy/deployment/deployment.yaml", "image: "+version.Image+":dev")
		},
		"egraft_1.2.3_manifests.tar.gz: deploy/component/kustomization.yaml names the image of \"newTag: dev\"": func(f *fixture) {
			manifests(f, "deploy/component/kustomization.yaml", "  - name: "+version.Image+"\n    newTag: dev\n")
		},
		"egraft_1.2.3_crds.yaml does not have the CRDs of egraft_1.2.3_manifests.tar.gz": func(f *fixture) {
			manifests(f, "crds/egraft.io_others.yaml", crd)
		},
		"egraft-1.2.3.tgz: it is egraft 1.2.3 of dev, not egraft 1.2.3 of v1.2.3": func(f *fixture) {
			f.chart("egraft", "version: 1.2.3\nappVersion: dev", "")
		},
		"gateway-helm-egraft-1.2.3.tgz: its values name the images \"\" and \"dev\", not \"v1.2.3\"": func(f *fixture) {
			f.chart("gateway-helm-egraft", "version: 1.2.3\nappVersion: "+version.EnvoyGateway, "egraft: {image: {tag: dev}}")
		},
	} {
		t.Run(want, func(t *testing.T) {
			f := newFixture(t)
			harm(f)
			f.sums()
			require.NoError(t, f.writeProvenance())
			require.EqualError(t, f.verify(), want)
		})
	}
}

// TestVerifyFindsAnotherFile: verify finds a file that was added, removed or changed after the
// build.
func TestVerifyFindsAnotherFile(t *testing.T) {
	for want, harm := range map[string]func(*fixture){
		"egraft-1.2.3.tgz is missing":  func(f *fixture) { require.NoError(t, os.Remove(filepath.Join(f.dir, "egraft-1.2.3.tgz"))) },
		"more is not a file of v1.2.3": func(f *fixture) { f.write("more", "") },
		"SHA256SUMS does not have the checksum of egraft_1.2.3_crds.yaml": func(f *fixture) {
			f.write("egraft_1.2.3_crds.yaml", "another")
		},
		"SHA256SUMS has more lines: [\"123  more\"]": func(f *fixture) {
			text, err := f.read(sumsFile)
			require.NoError(t, err)
			f.write(sumsFile, string(text)+"123  more\n")
		},
		"egraft_1.2.3_provenance.json is not about these files, this version and this commit": func(f *fixture) {
			text, err := f.read(f.provenanceFile())
			require.NoError(t, err)
			f.write(f.provenanceFile(), strings.Replace(string(text), `"gitCommit": "abc"`, `"gitCommit": "bcd"`, 1))
		},
	} {
		t.Run(want, func(t *testing.T) {
			f := newFixture(t)
			harm(f)
			require.ErrorContains(t, f.verify(), want)
		})
	}
}

func TestRun(t *testing.T) {
	for want, args := range map[string][]string{
		"release: name -version, -commit, what to do and a directory\n": {"verify", "."},
		"release: sign is neither provenance nor verify\n":              {"-version", "v1", "-commit", "abc", "sign", "."},
		"release: open missing: no such file or directory\n":            {"-version", "v1", "-commit", "abc", "verify", "missing"},
	} {
		var stderr bytes.Buffer
		require.NotZero(t, run(args, &bytes.Buffer{}, &stderr))
		require.Equal(t, want, stderr.String())
	}
}
