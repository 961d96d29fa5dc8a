package builder

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The program is always /egraft in the image, so that probes can use this path.
const (
	program    = "egraft"
	user       = "65532:65532"
	passwdFile = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
	groupFile  = "nonroot:x:65532:\n"
)

// https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor refers to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// layout is an OCI image layout: files by name.
type layout map[string][]byte

// blob adds a blob.
func (l layout) blob(mediaType string, content []byte) descriptor {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	l["blobs/sha256/"+digest] = content
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
}

// document adds a JSON blob.
func (l layout) document(mediaType string, content any) (descriptor, error) {
	text, err := json.Marshal(content)
	return l.blob(mediaType, text), err
}

// writeImage writes an image layout as one tar file, which containerd, kind, Docker, Podman and skopeo
// read. The same program and SOURCE_DATE_EPOCH give the same bytes.
func (b *Build) writeImage(context.Context) error {
	l := layout{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	var images []descriptor
	created := epoch(b.Environ)
	for _, p := range b.Platforms {
		d, err := l.image(b.program(p), p, created)
		if err != nil {
			return err
		}
		images = append(images, d)
	}
	top := images[0]
	if len(images) > 1 {
		var err error
		if top, err = l.document(typeIndex, map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": images}); err != nil {
			return err
		}
	}
	top.Annotations = names(b.Image)
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []descriptor{top}})
	if err != nil {
		return err
	}
	l["index.json"] = index
	text, err := packed(l, created, 0o644)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.Log, "      %s@%s\n", b.Image, top.Digest)
	return os.WriteFile(filepath.Join(b.Output, "image.tar"), text, 0o644)
}

// image adds the image of a program.
func (l layout) image(file, on string, created time.Time) (descriptor, error) {
	system, architecture, _ := strings.Cut(on, "/")
	text, err := os.ReadFile(file)
	if err != nil {
		return descriptor{}, err
	}
	files := layout{program: text, "etc/passwd": []byte(passwdFile), "etc/group": []byte(groupFile)}
	content, err := packed(files, created, 0o755)
	if err != nil {
		return descriptor{}, err
	}
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return descriptor{}, err
	}
	sum := sha256.Sum256(content)
	layer := l.blob(typeLayer, compressed.Bytes())
	config, err := l.document(typeConfig, map[string]any{
		"created": created.Format(time.RFC3339), "architecture": architecture, "os": system,
		"config":  map[string]any{"User": user, "Entrypoint": []string{"/" + program}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
		"history": []any{map[string]string{"created": created.Format(time.RFC3339), "created_by": "egraft build"}},
	})
	if err != nil {
		return descriptor{}, err
	}
	d, err := l.document(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": []descriptor{layer},
	})
	d.Platform = &platform{architecture, system}
	return d, err
}

// packed returns a tar file with files owned by root, sorted by name, with their parent directories.
func packed(files layout, modified time.Time, programMode int64) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for i, c := range name {
			if directory := name[:i] + "/"; c == '/' && !made[directory] {
				made[directory] = true
				if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: directory, Mode: 0o755, ModTime: modified}); err != nil {
					return nil, err
				}
			}
		}
		mode := int64(0o644)
		if name == program {
			mode = programMode
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(files[name])), ModTime: modified}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

// isReference matches a repository with a tag.
var isReference = regexp.MustCompile(`^([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func validateReference(image string) error {
	if !isReference.MatchString(image) {
		return fmt.Errorf("image %q is not a repository with a tag, such as registry.example/egraft:v1", image)
	}
	return nil
}

// names returns the annotations from which clients take the name of an image: containerd, kind and
// Docker use the first, with Docker Hub's name written out, Podman and skopeo the second.
func names(image string) map[string]string {
	host, _, found := strings.Cut(image, "/")
	name := image
	switch {
	case !found:
		name = "docker.io/library/" + image
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		name = "docker.io/" + image
	}
	return map[string]string{
		"io.containerd.image.name":          name,
		"org.opencontainers.image.ref.name": image[strings.LastIndex(image, ":")+1:],
	}
}

// epoch returns SOURCE_DATE_EPOCH, by default the Unix epoch.
func epoch(environ []string) time.Time {
	for _, v := range environ {
		if text, found := strings.CutPrefix(v, "SOURCE_DATE_EPOCH="); found {
			if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
				return time.Unix(seconds, 0).UTC()
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
