// Package playback plays calls of a real Envoy Gateway, from a recording in this directory, through
// egraft's engine into a real Envoy.
//
// It shows what egraft does before Envoy Gateway is built. Tests of promises use the real Envoy
// Gateway (package standalone). One of them repeats the recording and compares, so that the
// recording is not older than Envoy Gateway.
package playback

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// EnvoyGateway is the release that made the calls. A test compares it with the release that is
// built, which hack/tools/envoy-gateway/go.mod pins.
const EnvoyGateway = "v1.9.1"

// Directory is the path of the recording in the repository.
const Directory = "e2e/playback/" + kept

const (
	kept = "testdata"
	// runDir stands for the directory of the environment in which the calls were made.
	runDir = "/tmp/egraft-recorded"
)

// Route is the HTTPRoute of the calls: its backend is declared to use cleartext, and requires a
// client certificate.
func Route() manifest.Route { return manifest.Route{Name: "echo", Port: 3443} }

//go:embed testdata
var files embed.FS

// calls are the recorded calls in an environment: the last one before the policy was applied, and
// the first one with it.
type calls struct{ before, with *recording.Call }

// open reads the calls as if they had been made in an environment with a directory.
func open(dir string) (calls, error) {
	place := filepath.Join(dir, "recorded")
	err := fs.WalkDir(files, kept, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(place, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(content, []byte(runDir), []byte(dir)), 0o644)
	})
	if err != nil {
		return calls{}, fmt.Errorf("unpack the recording: %w", err)
	}
	r, err := recording.Open(filepath.Join(place, kept))
	if err != nil {
		return calls{}, err
	}
	return choose(r)
}

// choose selects the two calls.
func choose(r *recording.Recording) (calls, error) {
	var out calls
	for _, c := range r.Calls {
		switch {
		case c.Hook != mutator.HookTranslation || c.Gateway == "":
		case len(c.Objects) == 0:
			out.before = c
		case out.with == nil:
			out.with = c
		}
	}
	if out.before == nil || out.with == nil {
		return calls{}, fmt.Errorf("the recording lacks a translation without or with a policy")
	}
	return out, nil
}

// Normalized returns the files of a recording, by name, with the calls that [World.Before] and
// [World.Apply] play. It removes what differs each time, such as times and the directory of the
// environment of the recording.
func Normalized(name, dir string) (map[string]string, error) {
	r, err := recording.Open(name)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(r)
	if err != nil {
		return nil, err
	}
	out := &recording.Recording{Header: recording.Header{Version: recording.Version, Features: r.Features}}
	for i, c := range []*recording.Call{chosen.before, chosen.with} {
		c.ID, c.First, c.Last, c.Took, c.Bytes, c.Count = fmt.Sprint(i+1), time.Time{}, time.Time{}, metav1.Duration{}, 0, 0
		out.Calls = append(out.Calls, c)
	}
	temporary, err := os.MkdirTemp("", "egraft-recorded-")
	if err != nil {
		return nil, fmt.Errorf("normalize the recording: %w", err)
	}
	defer os.RemoveAll(temporary)
	if err := out.Write(temporary); err != nil {
		return nil, err
	}
	return read(os.DirFS(temporary), ".", dir)
}

// Kept returns the files of the recording in this directory, as [Normalized] returns them.
func Kept() (map[string]string, error) { return read(files, kept, runDir) }

// read reads all files below a directory.
func read(from fs.FS, root, dir string) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(from, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		out[relative(root, name)] = string(bytes.ReplaceAll(content, []byte(dir), []byte(runDir)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	return out, nil
}

func relative(root, name string) string {
	if root == "." {
		return name
	}
	return path.Clean(name[len(root)+1:])
}
