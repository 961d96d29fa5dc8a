package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/pflag"
)

const usage = `image packs directories into a container image, one tar file with an OCI layout.

Usage: image --output FILE --reference NAME --entrypoint PROGRAM [flag...] PLATFORM=DIRECTORY...
       image sbom PROGRAM

One platform gives a plain image, several give an index. All files belong to root and
have the time of --created; modes and symbolic links are kept.

  image --output app.tar --reference registry.example/app:v1 --entrypoint /app \
    --user 65532:65532 linux/amd64=root/amd64 linux/arm64=root/arm64

With sbom, it prints the bill of materials of a Go program outside an image.

`

// spec describes what to build.
type spec struct {
	output     string
	references []name.Tag
	roots      []root
	config     v1.Config
	owners     []owner
	created    time.Time
	gzipLevel  int
	// bills is the directory for bills of materials; if empty, none are made.
	bills string
}

// root is the file system for a platform.
type root struct {
	platform  v1.Platform
	directory string
}

// owner is the owner of a path in the image and of everything below it.
type owner struct {
	path     string // without a slash at either end
	uid, gid int
}

// parse reads the command line. epoch is the value of SOURCE_DATE_EPOCH.
func parse(args []string, epoch string, stderr io.Writer) (*spec, error) {
	flags := pflag.NewFlagSet("image", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage, flags.FlagUsagesWrapped(100)) }
	s := &spec{}
	flags.StringVar(&s.output, "output", "", "file to write")
	references := flags.StringArray("reference", nil, "name and tag of the image; may be repeated")
	flags.StringArrayVar(&s.config.Entrypoint, "entrypoint", nil, "program in the image and, repeated, its arguments")
	flags.StringVar(&s.config.User, "user", "", "user or user:group that runs it")
	flags.StringArrayVar(&s.config.Env, "env", nil, "variable of its environment, NAME=VALUE; may be repeated")
	flags.StringToStringVar(&s.config.Labels, "label", nil, "label, NAME=VALUE; may be repeated. Version and revision of a Go program are added")
	owners := flags.StringArray("owner", nil, "PATH=UID:GID: owner of a path and everything below it; may be repeated, the last match counts")
	flags.StringVar(&epoch, "created", epoch, "Unix time of the image and all files in it; SOURCE_DATE_EPOCH if that is set, else 0")
	flags.IntVar(&s.gzipLevel, "gzip", 6, "compression of the layer, from 1 (fast) to 9 (small)")
	flags.StringVar(&s.bills, "sbom-dir", "", "write a bill of materials of the entrypoint, a Go program, for each platform to this directory, and add them to the index")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return s, s.complete(*references, *owners, flags.Args(), epoch)
}

// complete parses what the flags hold as text.
func (s *spec) complete(references, owners, roots []string, epoch string) error {
	if s.output == "" || len(references) == 0 || len(s.config.Entrypoint) == 0 || len(roots) == 0 {
		return errors.New("--output, --reference, --entrypoint and PLATFORM=DIRECTORY are needed")
	}
	if s.gzipLevel < 1 || s.gzipLevel > 9 {
		return fmt.Errorf("--gzip %d is not from 1 to 9", s.gzipLevel)
	}
	var err error
	if s.created, err = newTime(epoch); err != nil {
		return err
	}
	if s.references, err = each(references, newReference); err != nil {
		return err
	}
	if s.owners, err = each(owners, newOwner); err != nil {
		return err
	}
	s.roots, err = each(roots, newRoot)
	return err
}

func each[T any](texts []string, parse func(string) (T, error)) ([]T, error) {
	out := make([]T, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = parse(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func newReference(text string) (name.Tag, error) {
	tag, err := name.NewTag(text, name.StrictValidation)
	if err != nil {
		return name.Tag{}, fmt.Errorf("--reference: %w", err)
	}
	return tag, nil
}

func newTime(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("--created %q is not a Unix time", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func newRoot(text string) (root, error) {
	platform, directory, found := strings.Cut(text, "=")
	p, err := v1.ParsePlatform(platform)
	if err != nil || !found || directory == "" || p.OS == "" || p.Architecture == "" {
		return root{}, fmt.Errorf("%q is not PLATFORM=DIRECTORY, such as linux/amd64=root", text)
	}
	return root{*p, directory}, nil
}

func newOwner(text string) (owner, error) {
	p, ids, _ := strings.Cut(text, "=")
	uid, gid, _ := strings.Cut(ids, ":")
	u, errUID := strconv.ParseUint(uid, 10, 31)
	g, errGID := strconv.ParseUint(gid, 10, 31)
	if errUID != nil || errGID != nil || !path.IsAbs(p) {
		return owner{}, fmt.Errorf("--owner %q is not PATH=UID:GID, such as /data=65532:65532", text)
	}
	return owner{strings.Trim(path.Clean(p), "/"), int(u), int(g)}, nil
}
