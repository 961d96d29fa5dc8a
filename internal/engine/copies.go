package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// maxCopies is the maximum number of cluster copies in a translation. Each copy has a route to it,
// and without merged backends each rule has its own cluster. If there are more, only those of the
// oldest policies are added.
const maxCopies = 10_000

// copied describes a copy of a cluster under another name, edited for one combination of variants.
type copied struct {
	of, name string
	combination
}

// copies returns the copies that a translation needs, in the order of the configuration; if there
// are too many, those of the oldest policies first.
func (v *variants) copies(in *mutator.Input) (out []copied) {
	if len(v.names) == 0 {
		return nil
	}
	x := v.indexOf(in)
	if !x.hasCopies() {
		return nil
	}
	for _, name := range in.Routes().Clusters() {
		g, seen := x.clusters[name], map[string]bool{}
		if g == nil || !g.copied {
			continue
		}
		for _, c := range g.combinations {
			if copyName := c.copyName(name); c.owner >= 0 && !seen[copyName] {
				seen[copyName] = true
				out = append(out, copied{name, copyName, *c})
			}
		}
	}
	if len(out) > maxCopies {
		slices.SortStableFunc(out, func(a, b copied) int { return policy.Compare(a.newest(), b.newest()) })
	}
	return out
}

// newest returns the newest policy of the variants, or an empty one if none has a policy.
func (c *combination) newest() *policy.Object {
	newest := &policy.Object{}
	for _, variant := range c.variants {
		if variant == nil {
			continue
		}
		for _, o := range variant.Policies {
			if policy.Compare(newest, o) < 0 {
				newest = o
			}
		}
	}
	return newest
}

// addCopies adds copies of clusters after mutation. Copies above the limit are missing, so Envoy
// rejects the requests of their routes.
func (s *settling) addCopies(ctx context.Context) {
	copies := s.variants.copies(s.in)
	if len(copies) == 0 {
		return
	}
	s.copies = make(map[string]bool, len(copies))
	list, names := listOf(s.res, mutator.KindCluster), namesOf(s.res, mutator.KindCluster, wire.FieldNumbersOf((*clusterv3.Cluster)(nil)))
	at := make(map[string]int, len(names))
	for i, name := range names {
		if _, there := at[name]; !there { // the first of several clusters with the same name counts
			at[name] = i
		}
	}
	came := make(map[string]bool, len(s.res.renamed))
	for _, r := range s.res.renamed {
		came[r.was] = true
	}
	list.Encoded = list.Encoded[:len(list.Encoded):len(list.Encoded)]
	for i, c := range copies {
		s.copies[c.name] = true
		of, there := at[c.of]
		if !there {
			continue
		}
		_, taken := at[c.name]
		switch {
		case i >= maxCopies:
			s.addMissing(c, Denied, fmt.Errorf("is one of %d copies of clusters; only %d are added", len(copies), maxCopies))
		case taken || came[c.name]:
			s.addMissing(c, NameConflict, fmt.Errorf("%s %q already exists and is unmodified", mutator.KindCluster, c.name))
		default:
			made, all := s.copyOf(ctx, c, list.Encoded[of])
			for _, o := range all {
				s.res.add(outcomes(o)...)
			}
			if made.encoded != nil {
				at[c.name] = len(list.Encoded)
				list.Encoded, names = append(list.Encoded, made.encoded), append(names, c.name)
				s.res.addCounts(nowhere, c.name, made.counts)
			}
		}
	}
	s.res.names[mutator.KindCluster] = names
}

// addMissing records the outcomes of a copy that is not added.
func (s *settling) addMissing(c copied, r Result, err error) {
	s.res.add(s.variants.outcomesOf(c, r, err)...)
	for i := range c.plans {
		if c.plans[i] != nil {
			s.recordCopy(c, i, nil, nil, r, err)
		}
	}
}

// outcomesOf returns the outcomes of a copy that is not added, one for each feature with a variant.
func (v *variants) outcomesOf(c copied, verdict Result, err error) (out []*Outcome) {
	for i := range c.plans {
		if c.plans[i] != nil {
			out = append(out, v.outcomeOf(c, i, verdict, err))
		}
	}
	return out
}

func (v *variants) outcomeOf(c copied, feature int, verdict Result, err error) *Outcome {
	affected := c.variants[feature].Policies
	return &Outcome{Feature: v.names[feature], Kind: mutator.KindCluster, Name: c.name, Result: verdict, Err: err, affected: affected, affectsAll: len(affected) == 0}
}

// copyResult is a copy of a cluster, or nil if it could not be made, with its counts and partial
// failures.
type copyResult struct {
	encoded []byte
	counts  []editCounts
	partial []*Outcome
}

// copyOf returns a copy of a cluster, edited by each feature that has a variant. If one of them
// fails and its failure policy is not Ignore, the copy rejects all requests.
func (s *settling) copyOf(ctx context.Context, c copied, raw []byte) (made copyResult, out []*Outcome) {
	v, key := s.variants, copyKey{c.name, c.planKey(), raw}
	if found := s.cached.copies.Get(key); found != nil {
		return found.Value, append([]*Outcome{v.outcomeOf(c, c.owner, Added, nil)}, found.Value.partial...)
	}
	encoded, err := newCopy(raw, c)
	if err != nil {
		return made, v.outcomesOf(c, Denied, err)
	}
	s.recordCopy(c, c.owner, nil, encoded, Added, nil)
	for i := range c.variants {
		if c.plans[i] == nil {
			continue
		}
		edit, failure := s.editCopy(ctx, c, i, encoded)
		switch {
		case failure == nil:
			s.recordCopy(c, i, encoded, edit.encoded, Applied, nil)
			for _, o := range partialOutcomes(v.outcomeOf(c, i, Applied, nil), edit.partial) {
				s.recordCopy(c, i, edit.encoded, edit.encoded, o.Result, o.Err)
				made.partial = append(made.partial, o)
			}
			encoded, made.counts = edit.encoded, withCounts(made.counts, v.names[i], edit.counts)
		case v.ignores(&c.combination, i):
			s.recordCopy(c, i, encoded, encoded, Ignored, failure)
			out = append(out, v.outcomeOf(c, i, Ignored, failure))
		default:
			denying := denied(raw, c.name)
			s.recordCopy(c, i, encoded, denying, Denied, failure)
			made.encoded = denying
			return made, slices.Concat(made.partial, out, []*Outcome{v.outcomeOf(c, i, Denied, failure)})
		}
	}
	if made.encoded = encoded; len(out) == 0 { // failures are retried
		s.cached.copies.Put(key, made, len(encoded)+sizeOfCounts(made.counts)+sizeOfOutcomes(made.partial))
	}
	return made, slices.Concat([]*Outcome{v.outcomeOf(c, c.owner, Added, nil)}, made.partial, out)
}

// ignores reports whether a way's clusters go without the variant of a feature that fails.
func (v *variants) ignores(c *combination, feature int) bool {
	own := c.variants[feature].OnFailure
	return own == mutator.Ignore || own != mutator.Deny && v.onError[feature] == mutator.Ignore
}

// copyEdit is a copy edited by one feature, with its counts and partial failures.
type copyEdit struct {
	encoded []byte
	counts  mutator.Counts
	partial []mutator.PartialFailure
}

// editCopy returns a copy edited by one feature.
func (s *settling) editCopy(ctx context.Context, c copied, feature int, raw []byte) (edit copyEdit, err error) {
	v := s.variants
	ctx, edit.counts = counting(ctx, s.counts(v.names[feature]))
	var failures []mutator.PartialFailure
	edit.encoded, err = sandbox.RunOnce(ctx, s.sandbox, v.names[feature], func(ctx context.Context) ([]byte, error) {
		m := &clusterv3.Cluster{}
		if err := proto.Unmarshal(raw, m); err != nil {
			return nil, fmt.Errorf("decode: %w", err)
		}
		failures = nil
		if err := c.variants[feature].Edit(ctx, m); err != nil {
			partial := (*mutator.PartialError)(nil)
			if !errors.As(err, &partial) {
				return nil, err
			}
			failures = partial.Failures
		}
		if err := m.ValidateAll(); err != nil {
			return nil, fmt.Errorf("the result is invalid: %w", err)
		}
		if m.GetName() != c.name {
			return nil, fmt.Errorf("was renamed to %q", m.GetName())
		}
		return encode(m)
	})
	if err != nil {
		return edit, err
	}
	edit.partial = failures
	return edit, foreignEntry(v.ownKeys[feature], metadataFields(mutator.KindCluster), raw, edit.encoded)
}

// planKey returns everything that a copy depends on except the cluster.
func (c *copied) planKey() (key []byte) {
	for i, variant := range c.variants {
		if c.plans[i] != nil {
			key = binary.AppendUvarint(key, uint64(i))
			key = binary.AppendUvarint(key, uint64(len(variant.CacheKey)))
			key = append(key, variant.CacheKey...)
		}
	}
	return key
}

// newCopy returns a cluster under another name. It has the endpoints of the original name and its
// own statistics.
func newCopy(raw []byte, of copied) ([]byte, error) {
	c, err := underName(raw, of.name)
	if err != nil {
		return nil, err
	}
	if c.GetAltStatName() != "" {
		c.AltStatName = strings.ReplaceAll(of.copyName(c.GetAltStatName()), ".", "_") // a dot ends the name in statistics
	}
	xds.SetEDSInitialFetchTimeout(c, xds.NewClusterFetchTimeout) // whatever the features do
	return encode(c)
}

func underName(raw []byte, name string) (*clusterv3.Cluster, error) {
	c := &clusterv3.Cluster{}
	if err := proto.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	xds.RenameCluster(c, name)
	return c, nil
}

// denied returns a copy that rejects all requests, or nil if that is impossible: Envoy then rejects
// them itself.
func denied(raw []byte, name string) []byte {
	c, err := underName(raw, name)
	if err == nil {
		err = xds.DenyCluster(c)
	}
	if err != nil {
		return nil
	}
	encoded, err := encode(c)
	if err != nil {
		return nil
	}
	return encoded
}
