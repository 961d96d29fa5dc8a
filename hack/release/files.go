package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/internal/version"
)

const (
	module   = version.Module
	sumsFile = "SHA256SUMS"
)

// platforms are the platforms of the program. The image supports those with Linux.
var platforms = []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"}

// number is the version without its v.
func (r *release) number() string { return strings.TrimPrefix(r.version, "v") }

// name returns the name of a file or directory in the release.
func (r *release) name(rest string) string { return "egraft_" + r.number() + "_" + rest }

func (r *release) provenanceFile() string { return r.name("provenance.json") }

// artifacts returns the files that have checksums. The provenance covers the same files and is not
// one of them: it differs for everyone who rebuilds the release.
func (r *release) artifacts() []string {
	out := []string{r.name("image.tar"), r.name("manifests.tar.gz"), r.name("crds.yaml")}
	for _, chart := range charts {
		out = append(out, chart+"-"+r.number()+".tgz")
	}
	for _, p := range platforms {
		out = append(out, r.name(p+".tar.gz"), r.name(p+".cdx.json"))
	}
	return out
}

func (r *release) read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(r.dir, name)) }

func (r *release) sum(name string) (string, error) {
	content, err := r.read(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// entry is a file in an archive.
type entry struct {
	mode    os.FileMode
	content []byte
}

// unpack returns the files of a compressed archive below its one directory.
func (r *release) unpack(name, directory string) (map[string]entry, error) {
	content, err := r.read(name)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	all, err := untar(reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := map[string]entry{}
	for path, e := range all {
		below, ok := strings.CutPrefix(path, directory+"/")
		if !ok {
			return nil, fmt.Errorf("%s: %s is not below %s", name, path, directory)
		}
		out[below] = e
	}
	return out, nil
}

// untar returns the files of an archive.
func untar(r io.Reader) (map[string]entry, error) {
	out := map[string]entry{}
	for reader := tar.NewReader(r); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		out[header.Name] = entry{header.FileInfo().Mode(), content}
	}
}
