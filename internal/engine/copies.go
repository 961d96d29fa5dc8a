package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// maxCopies is how many copies of clusters are added to a translation. Each of them has a route
// that leads to it, and without merged backends each rule has a cluster of its own.
const maxCopies = 10_000

// copied is a cluster of the translation once more, under another name and edited for one
// combination of variants.
type copied struct {
	of, name string
	combination
}

// copies are those that a translation needs, in the order of the configuration.
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
	return out
}

// addCopies adds copies of clusters as the mutators left them. What is past the limit is not
// there, so that Envoy rejects the requests of its routes.
func (s *settling) addCopies(ctx context.Context) {
	copies := s.variants.copies(s.in)
	if len(copies) == 0 {
		return
	}
	s.copies = make(map[string]bool, len(copies))
	list, names := listOf(s.res, mutator.KindCluster), namesOf(s.res, mutator.KindCluster, wire.FieldNumbersOf((*clusterv3.Cluster)(nil)))
	at := make(map[string]int, len(names))
	for i, name := range names {
		if _, there := at[name]; !there { // of several of a name the first counts
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
			s.addMissing(c, Denied, fmt.Errorf("is one of %d copies of clusters, of which %d are added", len(copies), maxCopies))
		case taken || came[c.name]:
			s.addMissing(c, NameConflict, fmt.Errorf("%s %q is there already and was left as it is", mutator.KindCluster, c.name))
		default:
			encoded, all := s.copyOf(ctx, c, list.Encoded[of])
			for _, o := range all {
				s.res.add(outcomes(o)...)
			}
			if encoded != nil {
				at[c.name] = len(list.Encoded)
				list.Encoded, names = append(list.Encoded, encoded), append(names, c.name)
			}
		}
	}
	s.res.names[mutator.KindCluster] = names
}

// addMissing adds the outcomes of a copy that is not added.
func (s *settling) addMissing(c copied, r Result, err error) {
	s.res.add(s.variants.outcomesOf(c, r, err)...)
	for i := range c.plans {
		if c.plans[i] != nil {
			s.recordCopy(c, i, nil, nil, r, err)
		}
	}
}

// outcomesOf are those of a copy that is not added, for each feature that it was for.
func (v *variants) outcomesOf(c copied, verdict Result, err error) (out []*Outcome) {
	for i := range c.plans {
		if c.plans[i] != nil {
			out = append(out, v.outcomeOf(c, i, verdict, err))
		}
	}
	return out
}

func (v *variants) outcomeOf(c copied, feature int, verdict Result, err error) *Outcome {
	bearsOn := c.variants[feature].Policies
	return &Outcome{Feature: v.names[feature], Kind: mutator.KindCluster, Name: c.name, Result: verdict, Err: err, affected: bearsOn, affectsAll: len(bearsOn) == 0}
}

// copyOf is the copy of a cluster, edited by each feature that has a variant. If one fails whose
// failure policy is not Ignore, the copy rejects all requests.
func (s *settling) copyOf(ctx context.Context, c copied, raw []byte) (encoded []byte, out []*Outcome) {
	v, key := s.variants, copyKey{c.name, c.planKey(), raw}
	if found := s.cached.copies.Get(key); found != nil {
		return found.Value, []*Outcome{v.outcomeOf(c, c.owner, Added, nil)}
	}
	encoded, err := newCopy(raw, c)
	if err == nil {
		s.recordCopy(c, c.owner, nil, encoded, Added, nil)
	}
	for i, variant := range c.variants {
		if c.plans[i] == nil || err != nil {
			continue
		}
		edited, failure := s.editCopy(ctx, c, i, encoded)
		switch {
		case failure == nil:
			s.recordCopy(c, i, encoded, edited, Applied, nil)
			encoded = edited
		case variant.OnFailure == mutator.Ignore || variant.OnFailure != mutator.Deny && v.onError[i] == mutator.Ignore:
			s.recordCopy(c, i, encoded, encoded, Ignored, failure)
			out = append(out, v.outcomeOf(c, i, Ignored, failure))
		default:
			denying := denied(raw, c.name)
			s.recordCopy(c, i, encoded, denying, Denied, failure)
			return denying, append(out, v.outcomeOf(c, i, Denied, failure))
		}
	}
	if err != nil {
		return nil, v.outcomesOf(c, Denied, err)
	}
	if len(out) == 0 { // what failed is tried again
		s.cached.copies.Put(key, encoded, len(encoded))
	}
	return encoded, append([]*Outcome{v.outcomeOf(c, c.owner, Added, nil)}, out...)
}

// editCopy is a copy with the edit of one feature.
func (s *settling) editCopy(ctx context.Context, c copied, feature int, raw []byte) ([]byte, error) {
	v := s.variants
	edited, err := sandbox.RunOnce(ctx, s.sandbox, v.names[feature], func(ctx context.Context) ([]byte, error) {
		m := &clusterv3.Cluster{}
		if err := proto.Unmarshal(raw, m); err != nil {
			return nil, fmt.Errorf("decode: %w", err)
		}
		if err := c.variants[feature].Edit(ctx, m); err != nil {
			return nil, err
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
		return nil, err
	}
	return edited, foreignEntry(v.ownKeys[feature], metadataFields(mutator.KindCluster), raw, edited)
}

// planKey is all that a copy depends on besides the cluster.
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

// newCopy is a cluster under another name, which has its endpoints by the name that it had, and
// statistics of its own.
func newCopy(raw []byte, of copied) ([]byte, error) {
	c, err := underName(raw, of.name)
	if err != nil {
		return nil, err
	}
	if c.GetAltStatName() != "" {
		c.AltStatName = strings.ReplaceAll(of.copyName(c.GetAltStatName()), ".", "_") // a dot ends the name in statistics
	}
	xds.SetEDSInitialFetchTimeout(c, xds.NewClusterFetchTimeout) // whatever the features make of it
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

// denied is a copy that rejects all requests, and nil if there can be none: Envoy then does so.
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
