// Package cache caches results within a memory bound: a [Cache] is bounded in bytes, and a [Table]
// holds its entries of one kind, with typed keys and values.
//
// A key is a struct whose fields are encoded so that adjacent fields cannot be confused, see [Key].
// An entry holds its whole key and the number of its table, and a lookup compares both: a hash
// alone never identifies an entry. The cache copies keys and does not retain the caller's bytes.
// What values retain is up to the caller.
//
// The package knows neither Envoy's messages nor the purpose of its entries.
package cache

import (
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// overhead is the approximate size of an entry without its key and value, in bytes.
const overhead = 256

// Cache bounds the total size of its tables and evicts entries that were not used for long. A nil
// Cache is disabled: its tables hold nothing. It is safe for concurrent use.
type Cache struct {
	entries      *otter.Cache[uint64, *header] // by hash of table and key
	seed         maphash.Seed
	fields       sync.Pool
	tables       atomic.Uint32
	puts         atomic.Uint64
	hits, misses atomic.Uint64
}

// New makes a cache of about that many bytes. 0 disables the cache: New returns nil.
func New(bytes int64) (*Cache, error) {
	if bytes <= 0 {
		return nil, nil
	}
	entries, err := otter.New(&otter.Options[uint64, *header]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ uint64, h *header) uint32 { return h.weight },
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of %d bytes: %w", bytes, err)
	}
	return &Cache{entries: entries, seed: maphash.MakeSeed(), fields: sync.Pool{New: func() any { return &Fields{} }}}, nil
}

// Count adds hits and misses to the statistics. Callers add up many lookups first: a counter
// updated by each lookup would be contended, and some lookups must not count.
func (c *Cache) Count(hits, misses uint64) {
	if c != nil {
		c.hits.Add(hits)
		c.misses.Add(misses)
	}
}

// Stats are the statistics of a cache.
type Stats struct {
	// Hits and Misses are the totals of [Cache.Count].
	Hits, Misses uint64
	// Bytes is the approximate size of all entries.
	Bytes uint64
	// Entries is the current number of entries; Puts is the number ever put.
	Entries, Puts uint64
}

// Stats evicts what exceeds the limit now and returns the statistics; all zero if the cache is
// disabled.
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

// newFields returns empty fields for the next key.
func (c *Cache) newFields() *Fields { return c.fields.Get().(*Fields) }

// release resets the fields for reuse.
func (c *Cache) release(f *Fields) {
	f.reset()
	c.fields.Put(f)
}

// get returns the entry of a key in a table. It releases the key's fields.
func (c *Cache) get(table uint32, f *Fields) *header {
	defer c.release(f)
	h, _ := c.entries.GetIfPresent(f.hash(c.seed, table))
	if h == nil || h.table != table || !f.equal(h.key) {
		return nil
	}
	return h
}

// getAt returns the entry at a slot if it belongs to the table.
func (c *Cache) getAt(table uint32, s Slot) *header {
	if s.id == 0 {
		return nil
	}
	h, _ := c.entries.GetIfPresent(s.hash)
	if h == nil || h.id != s.id || h.table != table {
		return nil
	}
	return h
}

// newHeader returns the header of an entry before it is put, and the bytes of the last field of its
// key. It releases the fields.
func (c *Cache) newHeader(table uint32, f *Fields) (h header, last []byte) {
	defer c.release(f)
	h = header{Slot: Slot{f.hash(c.seed, table), c.puts.Add(1)}, key: f.encode(), table: table}
	return h, h.key[len(h.key)-f.last:]
}

// put puts an entry whose value has about size bytes.
func (c *Cache) put(h *header, size int) {
	h.weight = uint32(min(max(size, 0)+len(h.key)+overhead, math.MaxUint32))
	c.entries.Set(h.hash, h)
}
