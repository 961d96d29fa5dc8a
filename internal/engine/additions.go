package engine

import (
	"context"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// maxAdditions is the maximum number of resources of a kind that one feature may add to a
// translation: far more than needed, far less than what overloads Envoy Gateway. If there are more,
// only those of the oldest policies are added.
const maxAdditions = 1000

// addAll upserts what a feature adds to the translation.
func (s *settling) addAll(ctx context.Context, f mutator.Feature) error {
	additions, err := sandbox.RunOnce(ctx, s.sandbox, f.Name, func(ctx context.Context) (mutator.Additions, error) {
		return f.Additions.Add(ctx, s.in)
	})
	if err != nil {
		o := &Outcome{Feature: f.Name, Kind: mutator.KindCluster, Result: Ignored, Err: err, affectsAll: true}
		s.res.add(outcomes(o)...)
		s.recordAddition(&f, o, nil)
		if f.FailurePolicy == mutator.Fail {
			return fmt.Errorf("feature %s: additions: %w", f.Name, err)
		}
		if s.broken == nil {
			s.broken = map[string]error{}
		}
		s.broken[f.Name] = fmt.Errorf("may refer to resources that the mutator adds to the translation, but adding them failed: %w", untyped(err))
		return nil
	}
	upsertAll(s, &f, mutator.KindCluster, additions.Clusters)
	upsertAll(s, &f, mutator.KindSecret, additions.Secrets)
	return nil
}

// addition is a resource that may be added.
type addition interface {
	*clusterv3.Cluster | *tlsv3.Secret
	message
	GetName() string
}

// upsertAll adds resources of a kind up to the limit.
func upsertAll[T addition](s *settling, f *mutator.Feature, kind mutator.Kind, add []T) {
	if excess := len(add) - maxAdditions; excess > 0 {
		err := fmt.Errorf("%d resources of kind %s exceed the limit of %d; only resources of the oldest policies are added", len(add), kind, maxAdditions)
		o := &Outcome{Feature: f.Name, Kind: kind, Name: add[maxAdditions].GetName(), Result: Ignored, Err: err}
		s.res.add(o)
		s.recordAddition(f, o, nil)
		for _, a := range add[maxAdditions:] {
			s.lacking.note(o, a.GetName())
		}
		add = add[:maxAdditions]
	}
	for _, a := range add {
		o := upsert(s.res, f.Name, kind, a)
		s.recordAddition(f, o, a)
		if s.res.add(o); o.Err == nil {
			s.lacking.made(o.Name)
		} else {
			s.lacking.note(o, o.Name)
		}
	}
}

// upsert adds a resource to the list of its kind. If one with its name exists, an equal one is
// kept, and any other one is a name conflict.
func upsert[T addition](res *Response, feature string, kind mutator.Kind, add T) *Outcome {
	outcome := func(v Result, err error) *Outcome {
		return &Outcome{Feature: feature, Kind: kind, Name: add.GetName(), Result: v, Err: err}
	}
	encoded, err := encode(add)
	if err == nil {
		err = add.ValidateAll()
	}
	if err != nil {
		return outcome(Ignored, fmt.Errorf("the addition is invalid: %w", err))
	}
	list, names := listOf(res, kind), namesOf(res, kind, wire.FieldNumbersOf(add))
	if kind == mutator.KindCluster && slices.ContainsFunc(res.renamed, func(r renamed) bool { return r.was == add.GetName() }) {
		return outcome(NameConflict, fmt.Errorf("%s %q was received with the translation and renamed", kind, add.GetName()))
	}
	for i, raw := range list.Encoded {
		if names[i] != add.GetName() {
			continue
		}
		there := add.ProtoReflect().New().Interface()
		if proto.Unmarshal(raw, there) == nil && proto.Equal(there, add) {
			return outcome(Unchanged, nil)
		}
		return outcome(NameConflict, fmt.Errorf("%s %q already exists with different content and is unmodified", kind, add.GetName()))
	}
	list.Encoded = append(list.Encoded[:len(list.Encoded):len(list.Encoded)], encoded)
	res.names[kind] = append(names, add.GetName())
	return outcome(Added, nil)
}
