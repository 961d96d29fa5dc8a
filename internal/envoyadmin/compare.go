package envoyadmin

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/pkg/mutator"
)

// Resource is a cluster, listener or route configuration as egraft returned it. Secrets may be redacted.
type Resource struct {
	Kind    mutator.Kind `json:"kind"`
	Name    string       `json:"name"`
	Encoded []byte       `json:"encoded"`
}

// Status is the state of a resource in one Envoy.
type Status string

// The states of a resource.
const (
	// Active means that Envoy uses it.
	Active Status = "active"
	// Warming means that Envoy has it and uses it once its dependencies are ready.
	Warming Status = "warming"
	// Rejected means that Envoy rejected an update and has another version or none.
	Rejected Status = "rejected"
	// Differs means that Envoy uses another version.
	Differs Status = "differs"
	// Missing means that Envoy does not have it.
	Missing Status = "missing"
)

// Result is the state of a resource.
type Result struct {
	Kind   mutator.Kind `json:"kind"`
	Name   string       `json:"name"`
	Status Status       `json:"status"`
	// Reason is Envoy's reason, for rejected listeners.
	Reason string `json:"reason,omitempty"`
	// Draining is true if an older version of a listener still serves its connections.
	Draining bool `json:"draining,omitempty"`
	// Diff has the differences: Old is egraft's value, New is Envoy's.
	Diff *diff.Result `json:"diff,omitempty"`
}

// Report compares one Envoy's resources with those that egraft returned.
type Report struct {
	Envoy string `json:"envoy"`
	*Info
	// Resources are in the order of the requested ones.
	Resources []Result `json:"resources,omitempty"`
	// Error is why the Envoy could not be examined.
	Error string `json:"error,omitempty"`
}

// Compare examines an Envoy.
func Compare(ctx context.Context, e Envoy, wanted []Resource) *Report {
	out := &Report{Envoy: e.Name}
	info, err := e.Info(ctx)
	if err == nil {
		out.Info = info
		out.Resources, err = compare(ctx, e, wanted, info)
	}
	if err != nil {
		out.Error = reason(err.Error())
	}
	return out
}

type key struct {
	kind mutator.Kind
	name string
}

// found is what Envoy has of a resource.
type found struct {
	message  proto.Message // as egraft returned it, without secrets
	active   *diff.Result
	warming  *diff.Result
	draining bool
	rejected string
}

func compare(ctx context.Context, e Envoy, wanted []Resource, info *Info) ([]Result, error) {
	all, kinds := map[key]*found{}, map[mutator.Kind]bool{}
	for _, w := range wanted {
		m, err := callfile.Decode(w.Kind, w.Encoded)
		if err != nil {
			return nil, fmt.Errorf("read %s %s: %w", w.Kind, w.Name, err)
		}
		all[key{w.Kind, w.Name}], kinds[w.Kind] = &found{message: redact.Message[proto.Message](m)}, true
	}
	err := e.each(ctx, kinds, func(v version) {
		if f := all[key{v.kind, v.name}]; f != nil {
			f.take(v)
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Result
	for _, w := range wanted {
		r := all[key{w.Kind, w.Name}].result(info.RejectedUpdates[updates[w.Kind]] > 0)
		r.Kind, r.Name = w.Kind, w.Name
		out = append(out, r)
	}
	return out, nil
}

// updates are the names of kinds in [Info.RejectedUpdates].
var updates = map[mutator.Kind]string{
	mutator.KindCluster: "clusters", mutator.KindListener: "listeners", mutator.KindRouteConfiguration: "routes",
}

// take records a version that Envoy has.
func (f *found) take(v version) {
	if v.rejected != "" {
		f.rejected = v.rejected
	}
	switch {
	case v.draining:
		f.draining = true
	case v.raw == nil:
	case v.warming:
		f.warming = f.diff(v.raw)
	default:
		f.active = f.diff(v.raw)
	}
}

// diff compares any version that Envoy has. An unreadable version differs as a whole.
func (f *found) diff(raw json.RawMessage) *diff.Result {
	m, err := unpack(raw)
	if err == nil {
		var r *diff.Result
		if r, err = diff.Messages(f.message, redact.Message(m)); err == nil {
			return r
		}
	}
	return &diff.Result{Changes: []diff.Change{{Op: diff.Changed, Note: "cannot be read"}}}
}

func unpack(raw json.RawMessage) (proto.Message, error) {
	packed := &anypb.Any{}
	options := protojson.UnmarshalOptions{Resolver: envoyapi.Types{}, DiscardUnknown: true}
	if err := options.Unmarshal(raw, packed); err != nil {
		return nil, err
	}
	return anypb.UnmarshalNew(packed, proto.UnmarshalOptions{Resolver: envoyapi.Types{}})
}

// result returns the state of the resource. If it is not as wanted and Envoy rejected updates of
// its type, it counts as rejected.
func (f *found) result(rejects bool) Result {
	same := func(r *diff.Result) bool { return r != nil && len(r.Changes) == 0 }
	switch {
	case same(f.active):
		return Result{Status: Active, Draining: f.draining}
	case same(f.warming):
		return Result{Status: Warming, Draining: f.draining}
	case f.rejected != "" || rejects:
		return Result{Status: Rejected, Reason: f.rejected, Diff: f.active}
	case f.active != nil:
		return Result{Status: Differs, Diff: f.active}
	case f.warming != nil:
		return Result{Status: Differs, Diff: f.warming}
	default:
		return Result{Status: Missing}
	}
}
