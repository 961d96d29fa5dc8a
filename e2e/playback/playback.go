// Package playback plays calls of a real Envoy Gateway, which are kept here as a recording,
// through egraft's engine into a real Envoy.
//
// It shows what egraft does where Envoy Gateway is not built yet. What a tested promise
// rests on runs with the real one (package standalone): a test of it records again and
// compares, so that the recording is not older than Envoy Gateway.
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

// EnvoyGateway is the release that made the calls. A test compares it with the one that is
// built, which hack/tools/envoy-gateway/go.mod pins.
const EnvoyGateway = "v1.9.1"

// Directory is where the recording is in the repository.
const Directory = "e2e/playback/" + kept

const (
	kept = "testdata"
	// runDir stands for the directory of the environment in which the calls were made.
	runDir = "/tmp/egraft-recorded"
)

// Route is the HTTPRoute that the calls are about: a backend that is declared to speak
// cleartext and demands a client certificate.
func Route() manifest.Route { return manifest.Route{Name: "echo", Port: 3443} }

//go:embed testdata
var files embed.FS

// calls are those of the recording in an environment: the last one before the policy was
// applied, and the first one with it.
type calls struct{ before, with *recording.Call }

// open reads the calls as they would have been made in an environment with a directory.
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

// choose finds the two calls.
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

// Normalized are the files of a recording, by name, of the calls that [World.Before] and
// [World.Apply] play: without what differs each time, such as times and the directory of the
// environment in which it was made.
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

// Kept are the files of the recording that is kept here, as [Normalized] has them.
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
