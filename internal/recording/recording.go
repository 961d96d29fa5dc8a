// Package recording reads and writes recordings: calls that Envoy Gateway made, with what is known of
// them, as a directory or as a tar file. docs/recording.md describes the format.
//
// It runs nothing and removes no secrets: what it is given to write must have none. What it reads can
// come from anybody, so it is bounded, and nothing is written to the disk that was read.
package recording

import (
	"time"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// Version is that of the format.
const Version = 1

// Recording is calls in the order in which Envoy Gateway made them.
type Recording struct {
	Header
	Calls []*Call
}

// Header is what a recording says of itself.
type Header struct {
	// Version is that of the format. It is 0 in what is no recording, but a file of calls.
	Version int `json:"version"`
	// Created is when the recording was made.
	Created time.Time `json:"created,omitzero"`
	// Egraft is the version of the egraft that kept the calls.
	Egraft string `json:"egraft,omitempty"`
	// Features are the names of its features, in the order in which they run.
	Features []string `json:"features,omitempty"`
	// Settings are its settings that differ from the default, by flag.
	Settings map[string]string `json:"settings,omitempty"`
	// Dropped is how many calls could not be kept.
	Dropped int `json:"dropped,omitempty"`
}

// Meta is what is known of a call beside its content.
type Meta = callfile.Metadata

// Call is one call.
type Call struct {
	Meta
	*engine.Call
	// Abridged says that a resource with nothing but a name stands for the one that an earlier call of
	// the recording returned, which [callfile.Returned] puts in its place. Calls that Envoy Gateway
	// made never are; those in the conformance kit's files can be.
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
