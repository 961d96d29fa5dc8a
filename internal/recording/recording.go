// Package recording reads and writes recordings: hook calls that Envoy Gateway made, with metadata,
// as a directory or a tar file. docs/recording.md describes the format.
//
// It runs nothing and removes no secrets: recordings to write must have none. Recordings to read
// can come from anyone, so their size is limited, and they are never unpacked to disk.
package recording

import (
	"time"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// Version is the version of the format.
const Version = 1

// Recording is calls in the order in which Envoy Gateway made them.
type Recording struct {
	Header
	Calls []*Call
}

// Header is the metadata of a recording.
type Header struct {
	// Version is the version of the format. It is 0 for a file of calls that is not a recording.
	Version int `json:"version"`
	// Created is when the recording was made.
	Created time.Time `json:"created,omitzero"`
	// Egraft is the version of the egraft that recorded the calls.
	Egraft string `json:"egraft,omitempty"`
	// Features are the names of its features, in the order in which they run.
	Features []string `json:"features,omitempty"`
	// Settings are its settings that differ from the defaults, by flag.
	Settings map[string]string `json:"settings,omitempty"`
	// Dropped is the number of calls that could not be kept.
	Dropped int `json:"dropped,omitempty"`
}

// Meta is the metadata of a call.
type Meta = callfile.Metadata

// Call is one call.
type Call struct {
	Meta
	*engine.Call
	// Abridged is true if some resource with nothing but a name stands for the one that an earlier
	// call of the recording returned; [callfile.Returned] inserts it. It is always false for calls
	// that Envoy Gateway made, but can be true for those in the conformance kit's files.
	Abridged bool
}

// Latest returns the last call of the Translation hook for each Gateway, in the order of the calls.
func (r *Recording) Latest() []*Call {
	last := map[string]*Call{}
	for _, c := range r.Calls {
		if c.Hook == mutator.HookTranslation {
			last[c.Gateway] = c
		}
	}
	var out []*Call
	for _, c := range r.Calls {
		if last[c.Gateway] == c {
			out = append(out, c)
		}
	}
	return out
}

// Singles returns the calls for single resources that belong to a call of the Translation hook.
func (r *Recording) Singles(translation *Call) []*Call {
	var out []*Call
	for _, c := range r.Calls {
		if translation.ID != "" && c.Translation == translation.ID {
			out = append(out, c)
		}
	}
	return out
}
