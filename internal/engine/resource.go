package engine

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// resource is a resource during a run of its chain. Between mutators only the encoded bytes matter:
// a mutator that fails or is abandoned has changed only its own copy.
type resource[T message] struct {
	chain     *chain[T]
	goroutine *sandbox.Goroutine // runs the mutators
	name      string
	original  []byte // as in the call
	encoded   []byte
	decoded   T // encoded as a message, if usable
	usable    bool

	references []reference              // that edits added
	counts     []editCounts             // of committed edits
	partial    []mutator.PartialFailure // of the last edit, whose rest was committed
}

// decodedCopy returns a decoded copy that belongs to the caller.
func (r *resource[T]) decodedCopy() (T, error) {
	if r.usable {
		r.usable = false
		return r.decoded, nil
	}
	m, err := r.chain.decode(r.encoded)
	if err != nil {
		return m, fmt.Errorf("decode %s %q: %w", r.chain.kind, r.name, err)
	}
	return m, nil
}

func (c *chain[T]) decode(raw []byte) (T, error) {
	m := c.empty.ProtoReflect().New().Interface().(T)
	return m, proto.Unmarshal(raw, m)
}

// commit replaces the resource with an edited copy and reports whether it changed. size is the size
// of the copy before the edit.
func (r *resource[T]) commit(l *link[T], edited T, size int) (changed bool, err error) {
	now, err := encode(edited)
	if err != nil {
		return false, err
	}
	if changed, err = r.differs(now, size); err != nil {
		return false, err
	}
	if changed {
		if err := r.chain.fault(l, r.original, r.encoded, now); err != nil {
			return false, err
		}
		r.references = append(r.references, r.chain.references(l.owner, r.encoded, now)...)
		r.encoded = now
	}
	r.decoded, r.usable = edited, true
	return changed, nil
}

// differs reports whether the content of now, which is encoded deterministically, differs from the
// resource, which may be encoded otherwise. Most edits change the size, which avoids a comparison.
func (r *resource[T]) differs(now []byte, size int) (bool, error) {
	if bytes.Equal(now, r.encoded) {
		return false, nil
	}
	if len(now) != size {
		return true, nil
	}
	r.usable = false
	before, err := r.decodedCopy()
	if err != nil {
		return false, err
	}
	canonical, err := encode(before)
	return !bytes.Equal(now, canonical), err
}

// encode returns the same bytes for the same content.
func encode(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}
