package envoyadmin

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/pkg/mutator"
)

// ErrLimit means that a dump exceeds the limit in bytes.
var ErrLimit = errors.New("the configuration of Envoy is too large")

// line is a resource in the output of [WriteConfig].
type line struct {
	Kind     mutator.Kind    `json:"kind"`
	Name     string          `json:"name"`
	State    string          `json:"state"`
	Rejected string          `json:"rejected,omitempty"`
	Resource json.RawMessage `json:"resource,omitempty"`
}

// WriteConfig writes the clusters, listeners and route configurations that an Envoy received from
// its control plane, one per line, without secrets, and at most limit bytes.
func WriteConfig(ctx context.Context, e Envoy, w io.Writer, limit int) error {
	kinds, written := map[mutator.Kind]bool{}, 0
	for _, l := range lists {
		kinds[l.kind] = true
	}
	var failed error
	err := e.each(ctx, kinds, func(v version) {
		if failed != nil {
			return
		}
		text, err := json.Marshal(v.line())
		if written += len(text) + 1; written > limit {
			failed = ErrLimit
			return
		}
		if failed = err; failed == nil {
			_, failed = w.Write(append(text, '\n'))
		}
	})
	return errors.Join(failed, err)
}

// line returns the version without secrets. If it cannot be read, only its name.
func (v version) line() line {
	out := line{Kind: v.kind, Name: v.name, State: "active", Rejected: v.rejected}
	switch {
	case v.warming:
		out.State = "warming"
	case v.draining:
		out.State = "draining"
	case v.raw == nil:
		out.State = "rejected"
		return out
	}
	if m, err := unpack(v.raw); err == nil {
		if text, err := redact.JSON(m); err == nil {
			out.Resource = text
		}
	}
	return out
}
