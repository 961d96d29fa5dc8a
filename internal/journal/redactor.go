package journal

import (
	"bytes"
	"hash/maphash"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// digest is a hash of content. Its seeds are secret, so that resources with colliding digests
// cannot be constructed.
type digest [2]uint64

// redactor removes secrets. It is for one goroutine.
type redactor struct {
	seeds   [2]maphash.Seed
	kinds   map[mutator.Kind]*kind
	scratch []byte
}

// kind holds what redaction needs for a resource kind.
type kind struct {
	maps    *wire.Maps
	message callfile.Message
}

func newRedactor() *redactor {
	return &redactor{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, kinds: map[mutator.Kind]*kind{}}
}

func (r *redactor) kind(name mutator.Kind) *kind {
	k := r.kinds[name]
	if k == nil {
		m, err := callfile.NewMessage(name)
		if err != nil {
			panic(err) // impossible: internal/extension only has these kinds
		}
		k = &kind{wire.MapsOf(m), m}
		r.kinds[name] = k
	}
	return k
}

// sorted returns a copy of a resource with sorted maps. It is valid until the next call.
func (r *redactor) sorted(k *kind, raw []byte) []byte {
	r.scratch = append(r.scratch[:0], raw...)
	k.maps.Sort(r.scratch)
	return r.scratch
}

func (r *redactor) sum(b []byte) (d digest) {
	for i, seed := range r.seeds {
		d[i] = maphash.Bytes(seed, b)
	}
	return d
}

// resource is a resource without secrets. Its bytes are valid until the next call.
type resource struct {
	bytes    []byte
	came, is digest // of the input with sorted maps, and of the output
	redacted bool
}

// resource removes the secrets of a resource. Most resources are known to have none and are not
// decoded.
func (r *redactor) resource(name mutator.Kind, raw []byte, known map[digest]digest) resource {
	k := r.kind(name)
	sorted := r.sorted(k, raw)
	d := r.sum(sorted)
	if is, found := known[d]; found && is == d {
		return resource{sorted, d, d, false}
	}
	out, redacted := redact.Encoded(k.message, sorted)
	if !redacted && bytes.Equal(out, sorted) {
		return resource{sorted, d, d, false}
	}
	return resource{out, d, r.sum(out), redacted}
}

// single redacts a call for a single resource.
func (r *redactor) single(t *taken) *single {
	s := &single{call: &engine.Call{Hook: t.call.Hook}}
	sums, redacted := r.context(t.call), 0
	for _, h := range t.call.Hostnames {
		s.call.Hostnames = append(s.call.Hostnames, h)
		s.size += len(h)
	}
	for _, o := range t.call.Objects {
		s.call.Objects = append(s.call.Objects, bytes.Clone(o))
		s.size += len(o)
	}
	for _, list := range t.call.Resources {
		copied := engine.Resources{Kind: list.Kind}
		for _, raw := range list.Encoded {
			one := r.resource(list.Kind, raw, nil)
			if one.redacted {
				redacted++
			}
			copied.Encoded = append(copied.Encoded, bytes.Clone(one.bytes))
			s.size += len(one.bytes)
			sums.add(one.is)
		}
		s.call.Resources = append(s.call.Resources, copied)
	}
	s.digest, s.Meta = sums.digest(), metaOf(t, "", redacted)
	return s
}

// sums is a digest of several digests.
type sums struct{ hashes [2]maphash.Hash }

// context starts the digest of a call with everything except its resources.
func (r *redactor) context(c *engine.Call) *sums {
	s := &sums{}
	for i, seed := range r.seeds {
		s.hashes[i].SetSeed(seed)
	}
	s.add(r.sum([]byte(c.Hook)))
	for _, h := range c.Hostnames {
		s.add(r.sum([]byte(h)))
	}
	s.add(digest{})
	for _, o := range c.Objects {
		s.add(r.sum(o))
	}
	return s
}

func (s *sums) add(d digest) {
	for i := range s.hashes {
		maphash.WriteComparable(&s.hashes[i], d)
	}
}

func (s *sums) digest() (d digest) {
	for i := range s.hashes {
		d[i] = s.hashes[i].Sum64()
	}
	return d
}

// group starts the digest of a group, to which the digests of the translation's resources are
// added.
func (r *redactor) group(g *group) *sums {
	s := r.context(g.translation.call)
	for _, one := range g.done.list {
		s.add(one.digest)
	}
	s.add(digest{})
	return s
}

// isSame reports whether a group has the same content as the last entry. It may miss equality.
func (r *redactor) isSame(g *group, last *entry) bool {
	all := r.group(g)
	for _, list := range g.translation.call.Resources {
		for _, raw := range list.Encoded {
			is, found := last.known[r.sum(r.sorted(r.kind(list.Kind), raw))]
			if !found {
				return false
			}
			all.add(is)
		}
		all.add(digest{})
	}
	return all.digest() == last.digest
}
