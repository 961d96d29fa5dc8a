// Package cache keeps results for as long as there is room: a [Cache] is bounded in bytes, and a
// [Table] holds its entries of one kind, with typed keys and values.
//
// A key is a struct whose fields are encoded so that none can run into the next, see [Key]. An
// entry holds its whole key and the number of its table, and both are compared: a hash alone never
// decides that an entry is the right one. The cache copies keys and does not retain the bytes of
// the caller. What values hold on to is up to the caller.
//
// The package knows neither Envoy's messages nor what its entries are for.
package cache

import (
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// overhead is about what an entry takes besides its key and the size of its value, in bytes.
const overhead = 256

// Cache bounds what its tables hold together, and evicts what was not used for long. A nil one is
// disabled: its tables hold nothing. It is safe for concurrent use.
type Cache struct {
	entries      *otter.Cache[uint64, stored] // by hash of table and key
	seed         maphash.Seed
	fields       sync.Pool
	tables, puts atomic.Uint64
	hits, misses atomic.Uint64
}

// stored is an [Entry] of any table.
type stored interface{ size() uint32 }

// New makes a cache of about that many bytes. 0 disables it: the cache is nil.
func New(bytes int64) (*Cache, error) {
	if bytes <= 0 {
		return nil, nil
	}
	entries, err := otter.New(&otter.Options[uint64, stored]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ uint64, s stored) uint32 { return s.size() },
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of %d bytes: %w", bytes, err)
	}
	return &Cache{entries: entries, seed: maphash.MakeSeed(), fields: sync.Pool{New: func() any { return &Fields{} }}}, nil
}

// Count adds hits and misses to the statistics. Whoever looks up many entries counts them first:
// a counter for each lookup would be contended, and not each lookup is one that counts.
func (c *Cache) Count(hits, misses uint64) {
	if c != nil {
		c.hits.Add(hits)
		c.misses.Add(misses)
	}
}

// Stats are the statistics of a cache.
type Stats struct {
	// Hits and Misses are those of [Cache.Count].
	Hits, Misses uint64
	// Bytes is about the size of all entries.
	Bytes uint64
	// Entries is the number of entries, and Puts how many were ever put.
	Entries, Puts uint64
}

// Stats evicts what is over the limit at this moment and returns the statistics; all zero if the
// cache is disabled.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	c.entries.CleanUp()
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(),
		Bytes: c.entries.WeightedSize(), Entries: uint64(c.entries.EstimatedSize()), Puts: c.puts.Load(),
	}
}

// weight is the size of an entry as the cache adds it up.
func weight(bytes int) uint32 { return uint32(min(max(bytes, 0)+overhead, math.MaxUint32)) }
