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
	entries      *otter.Cache[uint64, *header] // by hash of table and key
	seed         maphash.Seed
	fields       sync.Pool
	tables       atomic.Uint32
	puts         atomic.Uint64
	hits, misses atomic.Uint64
}

// New makes a cache of about that many bytes. 0 disables it: the cache is nil.
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

// newFields are those of the next key.
func (c *Cache) newFields() *Fields { return c.fields.Get().(*Fields) }

// release ends the use of fields.
func (c *Cache) release(f *Fields) {
	f.reset()
	c.fields.Put(f)
}

// get returns the entry of a key in a table. It releases the fields of the key.
func (c *Cache) get(table uint32, f *Fields) *header {
	defer c.release(f)
	h, _ := c.entries.GetIfPresent(f.hash(c.seed, table))
	if h == nil || h.table != table || !f.equal(h.key) {
		return nil
	}
	return h
}

// getAt returns the entry at a slot, if that is one of the table.
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

// newHeader is that of an entry that is not put yet, with the bytes of the last field of its key.
// It releases the fields.
func (c *Cache) newHeader(table uint32, f *Fields) (h header, last []byte) {
	defer c.release(f)
	h = header{Slot: Slot{f.hash(c.seed, table), c.puts.Add(1)}, key: f.encode(), table: table}
	return h, h.key[len(h.key)-f.last:]
}

// put puts an entry whose value is of about size bytes.
func (c *Cache) put(h *header, size int) {
	h.weight = uint32(min(max(size, 0)+len(h.key)+overhead, math.MaxUint32))
	c.entries.Set(h.hash, h)
}
