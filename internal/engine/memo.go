package engine

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/internal/wire"
)

// memo remembers what bytes led to, for as long as there is room. A nil memo remembers
// nothing. It is safe for concurrent use.
//
// Nothing is believed on the strength of a hash: the bytes are kept and compared.
type memo struct {
	cache        *otter.Cache[uint64, *memory]
	seed         maphash.Seed
	last         atomic.Uint64 // id of a place
	hits, misses atomic.Uint64
}

// memory is what is remembered for a key.
type memory struct {
	place
	key     []byte // its parts, each behind its length
	content wire.Canonical
	value   any
	weight  int
}

// place is where something is remembered. The next thing there has another id.
type place struct{ hash, id uint64 }

const placeSize = int(unsafe.Sizeof(place{}))

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
	if found := m.find(key...); found != nil {
		return found.value
	}
	return nil
}

func (m *memo) find(key ...[]byte) *memory {
	found, _ := m.cache.GetIfPresent(m.hash(key))
	if found == nil || !found.has(key) {
		return nil
	}
	return found
}

// again returns what was kept for content at the place, if that is still there and raw is
// the content, in whatever order its maps are.
func (m *memo) again(at place, raw, scratch []byte) *memory {
	if m == nil || at.id == 0 {
		return nil
	}
	found, _ := m.cache.GetIfPresent(at.hash)
	if found == nil || found.id != at.id || !found.content.Is(raw, scratch) {
		return nil
	}
	return found
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
	if m != nil {
		m.put(m.newMemory(value, size, key))
	}
}

// keepContent is [memo.keep] where the last part of the key is content whose maps are sorted.
func (m *memo) keepContent(maps *wire.Maps, value any, size int, key ...[]byte) *memory {
	own := m.newMemory(value, size, key)
	own.content = maps.Canonical(own.key[len(own.key)-len(key[len(key)-1]):])
	own.weight += own.content.Size()
	m.put(own)
	return own
}

func (m *memo) newMemory(value any, size int, key [][]byte) *memory {
	length := 0
	for _, part := range key {
		length += protowire.SizeBytes(len(part))
	}
	own := make([]byte, 0, length)
	for _, part := range key {
		own = protowire.AppendBytes(own, part)
	}
	return &memory{place: place{m.hash(key), m.last.Add(1)}, key: own, value: value, weight: size + length + overhead}
}

func (m *memo) put(own *memory) { m.cache.Set(own.hash, own) }

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
