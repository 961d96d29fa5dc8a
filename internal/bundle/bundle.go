// Package bundle writes what goes with a bug report: one .tar.gz with texts, and a list of what could
// not be had.
//
// What it is given must have no secrets, but for logs, which [Clean] cleans. It must not gather
// anything itself.
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

// Bundle is a bundle that is written. It is for one goroutine.
type Bundle struct {
	dir     string
	now     time.Time
	zip     *gzip.Writer
	tar     *tar.Writer
	files   int
	missing []string
	err     error // the first
}

// New begins a bundle whose files are in a directory of that name.
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

// JSON adds a file with a document, or notes that it is missing.
func (b *Bundle) JSON(name string, document any, err error) {
	var text []byte
	if err == nil {
		text, err = json.MarshalIndent(document, "", "  ")
	}
	b.Text(name, append(text, '\n'), err)
}

// Text adds a file, or notes that it is missing. A text that is cut is both.
func (b *Bundle) Text(name string, text []byte, err error) {
	if err == nil || errors.Is(err, ErrCut) {
		b.Add(name, text)
	}
	if err != nil {
		b.missing = append(b.missing, terminal.Printable(name+": "+err.Error()))
	}
}

// ErrCut is wrapped by the errors of what is there in part.
var ErrCut = errors.New("is cut: it is too large")

// Missing is what could not be had, a line each.
func (b *Bundle) Missing() []string { return b.missing }

// Files is how many were added.
func (b *Bundle) Files() int { return b.files }

// Close adds the list of what could not be had.
func (b *Bundle) Close() error {
	text := "Everything could be had.\n"
	if len(b.missing) > 0 {
		text = strings.Join(b.missing, "\n") + "\n"
	}
	b.Add("missing.txt", []byte(text))
	if err := errors.Join(b.err, b.tar.Close(), b.zip.Close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// Name makes a name of a file of any text.
func Name(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		}
		return '_'
	}, text)
}
