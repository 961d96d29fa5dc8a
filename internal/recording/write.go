package recording

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
)

// Write writes a recording to a file if the name ends in .tar.gz, .tgz or .tar, otherwise to a new
// or empty directory.
func (r *Recording) Write(name string) error {
	var err error
	switch {
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		err = toFile(name, r.WriteTarGz)
	case strings.HasSuffix(name, ".tar"):
		err = toFile(name, r.WriteTar)
	default:
		err = r.writeDir(name)
	}
	if err != nil {
		return fmt.Errorf("write recording %s: %w", name, unwrap(err))
	}
	return nil
}

func toFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

var errNotEmpty = errors.New("is not empty: name a new directory, or a file that ends in .tar.gz")

func (r *Recording) writeDir(name string) error {
	if entries, err := os.ReadDir(name); err == nil && len(entries) > 0 {
		return errNotEmpty
	}
	if err := os.MkdirAll(filepath.Join(name, callsDir), 0o700); err != nil {
		return err
	}
	return r.files(func(file string, data []byte) error {
		return os.WriteFile(filepath.Join(name, filepath.FromSlash(file)), data, 0o600)
	})
}

// WriteTarGz writes a recording as a tar file compressed with gzip.
func (r *Recording) WriteTarGz(w io.Writer) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	return errors.Join(r.WriteTar(z), z.Close())
}

// WriteTar writes a recording as a tar file.
func (r *Recording) WriteTar(w io.Writer) error {
	t := tar.NewWriter(w)
	err := r.files(func(file string, data []byte) error {
		h := &tar.Header{Name: file, Mode: 0o600, Size: int64(len(data)), ModTime: r.Created.Truncate(time.Second), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	})
	return errors.Join(err, t.Close())
}

// Marshal encodes a call as a file of a recording.
func Marshal(c *Call) ([]byte, error) { return callfile.Marshal(c.Call, &c.Meta) }

// files calls a function for each file.
func (r *Recording) files(write func(name string, data []byte) error) error {
	header := r.Header
	header.Version = Version
	b, err := yaml.Marshal(&header)
	if err != nil {
		return err
	}
	if err := write(headerFile, b); err != nil {
		return err
	}
	for i, c := range r.Calls {
		if b, err = Marshal(c); err != nil {
			return err
		}
		if err := write(path.Join(callsDir, fileName(i, c)), b); err != nil {
			return err
		}
	}
	return nil
}

// others matches bytes that are not allowed in file names.
var others = regexp.MustCompile(`[^a-z0-9]+`)

// fileName returns a name that sorts in the order of the calls and describes the content.
func fileName(i int, c *Call) string {
	words := strings.Trim(others.ReplaceAllString(strings.ToLower(string(c.Hook)+"-"+c.Gateway), "-"), "-")
	return fmt.Sprintf("%05d-%s.json", i+1, words[:min(len(words), 60)])
}

func sorted(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }
