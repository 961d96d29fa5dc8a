package cache

// Table holds the entries of one kind in a [Cache]. Tables never share entries, even if their types
// are the same. A nil table holds nothing. It is safe for concurrent use.
type Table[K Key, V any] struct {
	cache  *Cache
	number uint32
}

// NewTable makes a table, or returns nil if the cache is disabled.
func NewTable[K Key, V any](c *Cache) *Table[K, V] {
	if c == nil {
		return nil
	}
	return &Table[K, V]{c, c.tables.Add(1)}
}

// Entry is a value in a [Table]. It must not be changed.
type Entry[V any] struct {
	header
	Value V
}

// header is the part of an entry that does not depend on the type of its value.
type header struct {
	Slot
	entry  any // the [Entry] that the header is part of
	key    []byte
	table  uint32
	weight uint32
}

// Slot locates a cache entry, so that it can be looked up again without its key. The zero value
// locates none.
type Slot struct {
	hash uint64
	id   uint64 // unique in the cache, never reused
}

// ID returns the number of the entry. It is unique in the cache, never reused and never 0.
func (s Slot) ID() uint64 { return s.id }

// Get returns the entry of a key, or nil.
func (t *Table[K, V]) Get(key K) *Entry[V] {
	if t == nil {
		return nil
	}
	f := t.cache.newFields()
	key.AddTo(f)
	return t.entry(t.cache.get(t.number, f))
}

// GetAt returns the entry at a slot, or nil if it is gone. It compares no keys.
func (t *Table[K, V]) GetAt(s Slot) *Entry[V] {
	if t == nil {
		return nil
	}
	return t.entry(t.cache.getAt(t.number, s))
}

// entry returns the entry of a header, or nil.
func (t *Table[K, V]) entry(h *header) *Entry[V] {
	if h == nil {
		return nil
	}
	e, _ := h.entry.(*Entry[V])
	return e
}

// Put puts a value of about size bytes and returns its slot, or the zero Slot if the cache is
// disabled.
func (t *Table[K, V]) Put(key K, value V, size int) Slot {
	return t.PutFunc(key, func([]byte) (V, int) { return value, size })
}

// PutFunc is [Table.Put] for a value that retains the last field of the key, which must be added by
// [Fields.Bytes]. The function gets the entry's copy of the field and must not change it.
func (t *Table[K, V]) PutFunc(key K, value func(last []byte) (v V, size int)) Slot {
	if t == nil {
		return Slot{}
	}
	f := t.cache.newFields()
	key.AddTo(f)
	h, last := t.cache.newHeader(t.number, f)
	e := &Entry[V]{header: h}
	var size int
	e.Value, size = value(last)
	e.entry = e
	t.cache.put(&e.header, size)
	return e.Slot
}
