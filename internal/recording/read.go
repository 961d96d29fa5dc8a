package recording

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
)

// Names of the files in a recording.
const (
	headerFile = "recording.yaml"
	callsDir   = "calls"
	inFile     = "in.yaml" // a case of the conformance kit
)

// Open reads a recording: a directory, a tar file that may be compressed with gzip, or a single file of calls.
func Open(name string) (*Recording, error) {
	r, err := open(name)
	if err != nil {
		return nil, fmt.Errorf("read recording %s: %w", name, err)
	}
	return r, nil
}

func open(name string) (*Recording, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, unwrap(err)
	}
	if info.IsDir() {
		return readDir(os.DirFS(name), defaultLimits)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, unwrap(err)
	}
	defer f.Close()
	b := bufio.NewReader(f)
	if isArchive(b) {
		return readTar(b, defaultLimits)
	}
	l := defaultLimits
	data, err := l.take(b)
	if err != nil {
		return nil, err
	}
	r := &Recording{}
	return r, r.add(data)
}

// unwrap removes the path, which the outer error contains already.
func unwrap(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// tarMagic is in all tar files written by Go and by current programs.
const tarMagic, tarMagicAt = "ustar", 257

func isArchive(b *bufio.Reader) bool {
	head, _ := b.Peek(tarMagicAt + len(tarMagic)) // a file may be shorter
	return isGzip(head) || bytes.HasSuffix(head, []byte(tarMagic)) && len(head) == tarMagicAt+len(tarMagic)
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// Read reads a recording from a tar file that may be compressed with gzip.
func Read(r io.Reader) (*Recording, error) { return readTar(bufio.NewReader(r), defaultLimits) }

func readTar(b *bufio.Reader, l limits) (*Recording, error) {
	var in io.Reader = b
	if head, _ := b.Peek(2); isGzip(head) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		in = z
	}
	files := map[string][]byte{}
	// Skipped files count, too, because they must be decompressed.
	for t := tar.NewReader(io.LimitReader(in, l.bytes)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return parse(files)
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || !isPart(path.Clean(h.Name)) {
			continue
		}
		if files[path.Clean(h.Name)], err = l.take(t); err != nil {
			return nil, err
		}
	}
}

// isPart reports whether a file is part of a recording.
func isPart(name string) bool {
	return name == headerFile || path.Dir(name) == callsDir && isCallFile(name)
}

func isCallFile(name string) bool {
	return slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name)) && !strings.HasPrefix(path.Base(name), ".")
}

func readDir(dir fs.FS, l limits) (*Recording, error) {
	files := map[string][]byte{}
	names := []string{headerFile}
	if _, err := fs.Stat(dir, headerFile); err != nil {
		names = []string{inFile}
	}
	entries, _ := fs.ReadDir(dir, callsDir) // a case of the conformance kit has none
	for _, e := range entries {
		if name := path.Join(callsDir, e.Name()); isCallFile(name) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	for _, name := range names {
		f, err := dir.Open(name)
		if err != nil {
			return nil, fmt.Errorf("has neither %s nor %s: %w", headerFile, inFile, unwrap(err))
		}
		b, err := l.take(f)
		_ = f.Close() // it was only read
		if err != nil {
			return nil, err
		}
		files[name] = b
	}
	return parse(files)
}

// parse parses files by name.
func parse(files map[string][]byte) (*Recording, error) {
	r := &Recording{}
	if header, found := files[headerFile]; found {
		if err := yaml.Unmarshal(header, &r.Header); err != nil { // later versions may have more fields
			return nil, fmt.Errorf("%s: %w", headerFile, err)
		}
		if r.Version != Version {
			return nil, fmt.Errorf("%s: version %d is not supported, this egraft reads version %d", headerFile, r.Version, Version)
		}
	} else if _, found := files[inFile]; !found {
		return nil, fmt.Errorf("has no %s", headerFile)
	}
	for _, name := range sorted(files) {
		if name == headerFile {
			continue
		}
		if err := r.add(files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		delete(files, name) // 10,000 clusters are 40 MB
	}
	return r, nil
}

// add adds the calls of a file.
func (r *Recording) add(data []byte) error {
	steps, err := callfile.Parse(data)
	if err != nil {
		return err
	}
	for _, s := range steps {
		r.Calls = append(r.Calls, &Call{Meta: s.Metadata, Call: s.Call, Abridged: s.At != ""})
	}
	return nil
}
