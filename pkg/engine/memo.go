package engine

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
	"google.golang.org/protobuf/encoding/protowire"
)

// memo remembers what bytes led to, for as long as there is room. A nil memo remembers
// nothing. It is safe for concurrent use.
//
// Nothing is believed on the strength of a hash: the bytes are kept and compared.
type memo struct {
	cache        *otter.Cache[uint64, *memory]
	seed         maphash.Seed
	hits, misses atomic.Uint64
}

// memory is what is remembered for a key.
type memory struct {
	key    []byte // its parts, each behind its length
	value  any
	weight int
}

// overhead is about what a memory costs beside its bytes.
const overhead = 256

func newMemo(limit int64) (*memo, error) {
	cache, err := otter.New(&otter.Options[uint64, *memory]{
		MaximumWeight: uint64(limit),
		Weigher:       func(_ uint64, m *memory) uint32 { return uint32(min(m.weight, math.MaxUint32)) },
	})
	if err != nil {
		return nil, fmt.Errorf("make memo of %d bytes: %w", limit, err)
	}
	return &memo{cache: cache, seed: maphash.MakeSeed()}, nil
}

// recall returns what was kept for the key, and nil if that is nothing. The first part
// of a key says what the value is.
func (m *memo) recall(key ...[]byte) any {
	if m == nil {
		return nil
	}
	found, _ := m.cache.GetIfPresent(m.hash(key))
	if found == nil || !found.has(key) {
		return nil
	}
	return found.value
}

// has reports whether the key is that of the memory.
func (m *memory) has(key [][]byte) bool {
	rest := m.key
	for _, part := range key {
		length, n := protowire.ConsumeVarint(rest)
		if n < 0 || length != uint64(len(part)) || !bytes.Equal(rest[n:n+len(part)], part) {
			return false
		}
		rest = rest[n+len(part):]
	}
	return len(rest) == 0
}

// keep remembers a value of about size bytes. The key is copied.
func (m *memo) keep(value any, size int, key ...[]byte) {
	if m == nil {
		return
	}
	length := 0
	for _, part := range key {
		length += protowire.SizeBytes(len(part))
	}
	own := make([]byte, 0, length)
	for _, part := range key {
		own = protowire.AppendBytes(own, part)
	}
	m.cache.Set(m.hash(key), &memory{own, value, size + length + overhead})
}

func (m *memo) hash(key [][]byte) uint64 {
	var sum uint64
	for _, part := range key {
		sum = bits.RotateLeft64(sum, 23) ^ maphash.Bytes(m.seed, part)
	}
	return sum
}

// count notes how often resources were recalled, and how often not.
func (m *memo) count(answers []answer) {
	if m == nil {
		return
	}
	var uses [missed + 1]uint64
	for _, a := range answers {
		uses[a.memo]++
	}
	m.hits.Add(uses[recalled])
	m.misses.Add(uses[missed])
}

// MemoStats tells how the memo fares.
type MemoStats struct {
	// Hits and Misses count resources that were answered from memory, and that could
	// have been.
	Hits, Misses uint64
	// Bytes is about what is kept.
	Bytes uint64
}

// MemoStats tells how the memo fares; all zero without one.
func (e *Engine) MemoStats() MemoStats {
	if e.memo == nil {
		return MemoStats{}
	}
	return MemoStats{Hits: e.memo.hits.Load(), Misses: e.memo.misses.Load(), Bytes: e.memo.cache.WeightedSize()}
}
