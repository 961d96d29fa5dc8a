package cache

// Table holds the entries of one kind in a [Cache]. No other table has them, even one with the
// same types. A nil table holds nothing. It is safe for concurrent use.
type Table[K Key, V any] struct {
	cache  *Cache
	number uint32
}

// NewTable makes a table; nil if the cache is disabled.
func NewTable[K Key, V any](c *Cache) *Table[K, V] {
	if c == nil {
		return nil
	}
	return &Table[K, V]{c, c.tables.Add(1)}
}

// Entry is a value that was put into a [Table]. It must not be changed.
type Entry[V any] struct {
	header
	Value V
}

// header is what an entry has whatever its value is.
type header struct {
	Slot
	entry  any // the [Entry] that the header is part of
	key    []byte
	table  uint32
	weight uint32
}

// Slot locates an entry, for whoever looks it up again without its key. The zero value locates none.
type Slot struct {
	hash uint64
	id   uint64 // no other entry of the cache ever has the same one
}

// ID is the number of the entry. No other entry of the cache ever has the same one, and none has 0.
func (s Slot) ID() uint64 { return s.id }

// Get returns the entry of a key, and nil if there is none.
func (t *Table[K, V]) Get(key K) *Entry[V] {
	if t == nil {
		return nil
	}
	f := t.cache.newFields()
	key.AddTo(f)
	return t.entry(t.cache.get(t.number, f))
}

// GetAt returns the entry at a slot, and nil if it is not there any more. Its key has not been
// compared with anything.
func (t *Table[K, V]) GetAt(s Slot) *Entry[V] {
	if t == nil {
		return nil
	}
	return t.entry(t.cache.getAt(t.number, s))
}

// entry is that of a header of the table, and nil for none.
func (t *Table[K, V]) entry(h *header) *Entry[V] {
	if h == nil {
		return nil
	}
	e, _ := h.entry.(*Entry[V])
	return e
}

// Put puts a value of about size bytes, and returns where it is; the zero Slot without a cache.
func (t *Table[K, V]) Put(key K, value V, size int) Slot {
	return t.PutFunc(key, func([]byte) (V, int) { return value, size })
}

// PutFunc is [Table.Put] for a value that holds on to the last field of the key, which has to be
// one of [Fields.Bytes]. It gets the copy that the entry has, which must not be changed.
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
