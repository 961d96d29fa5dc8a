// Package bundle writes the attachment of a bug report: one .tar.gz file with texts, and a list of
// what is missing.
//
// The given content must have no secrets, except logs, which [Clean] cleans. The package must not
// gather anything itself.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/terminal"
)

// Bundle is a bundle being written. It is not safe for concurrent use.
type Bundle struct {
	dir     string
	now     time.Time
	zip     *gzip.Writer
	tar     *tar.Writer
	files   int
	missing []string
	err     error // the first error
}

// New starts a bundle whose files are in a directory with the given name.
func New(w io.Writer, dir string, now time.Time) *Bundle {
	z := gzip.NewWriter(w)
	return &Bundle{dir: dir, now: now, zip: z, tar: tar.NewWriter(z)}
}

// Add adds a file.
func (b *Bundle) Add(name string, content []byte) {
	header := &tar.Header{Name: path.Join(b.dir, name), Mode: 0o600, Size: int64(len(content)), ModTime: b.now, Format: tar.FormatPAX}
	err := b.tar.WriteHeader(header)
	if err == nil {
		_, err = b.tar.Write(content)
	}
	if b.err == nil {
		b.err = err
	}
	b.files++
}

// JSON adds a file with a document, or records that it is missing.
func (b *Bundle) JSON(name string, document any, err error) {
	var text []byte
	if err == nil {
		text, err = json.MarshalIndent(document, "", "  ")
	}
	b.Text(name, append(text, '\n'), err)
}

// Text adds a file, or records that it is missing. It does both for a truncated text.
func (b *Bundle) Text(name string, text []byte, err error) {
	if err == nil || errors.Is(err, ErrCut) {
		b.Add(name, text)
	}
	if err != nil {
		b.missing = append(b.missing, terminal.Printable(name+": "+err.Error()))
	}
}

// ErrCut is wrapped by errors about truncated content.
var ErrCut = errors.New("is truncated: it is too large")

// Missing returns what is missing, one line each.
func (b *Bundle) Missing() []string { return b.missing }

// Files returns the number of added files.
func (b *Bundle) Files() int { return b.files }

// Close adds the list of what is missing.
func (b *Bundle) Close() error {
	text := "Nothing is missing.\n"
	if len(b.missing) > 0 {
		text = strings.Join(b.missing, "\n") + "\n"
	}
	b.Add("missing.txt", []byte(text))
	if err := errors.Join(b.err, b.tar.Close(), b.zip.Close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// Name turns any text into a file name.
func Name(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		}
		return '_'
	}, text)
}
