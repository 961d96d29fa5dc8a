package cache

// Table holds the entries of one kind in a [Cache]. No other table has them, even one with the
// same types. A nil table holds nothing. It is safe for concurrent use.
type Table[K Key, V any] struct {
	cache  *Cache
	number uint64
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
	Slot
	table uint64
	Value V

	key    []byte
	weight uint32
}

func (e *Entry[V]) size() uint32 { return e.weight }

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
	f := t.fields(key)
	defer t.release(f)
	e := t.at(f.hash(t.cache.seed, t.number))
	if e == nil || !f.equal(e.key) {
		return nil
	}
	return e
}

// GetAt returns the entry at a slot, and nil if it is not there any more. Its key has not been
// compared with anything.
func (t *Table[K, V]) GetAt(s Slot) *Entry[V] {
	if t == nil || s.id == 0 {
		return nil
	}
	e := t.at(s.hash)
	if e == nil || e.id != s.id {
		return nil
	}
	return e
}

// at returns the entry with a hash, if that is one of this table.
func (t *Table[K, V]) at(hash uint64) *Entry[V] {
	s, _ := t.cache.entries.GetIfPresent(hash)
	if e, ok := s.(*Entry[V]); ok && e.table == t.number {
		return e
	}
	return nil
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
	f := t.fields(key)
	defer t.release(f)
	own := f.encode()
	v, size := value(own[len(own)-f.last:])
	e := &Entry[V]{Slot{f.hash(t.cache.seed, t.number), t.cache.puts.Add(1)}, t.number, v, own, weight(size + len(own))}
	t.cache.entries.Set(e.hash, e)
	return e.Slot
}

// fields are those of a key until [Table.release].
func (t *Table[K, V]) fields(key K) *Fields {
	f := t.cache.fields.Get().(*Fields)
	key.AddTo(f)
	f.endPiece()
	return f
}

func (t *Table[K, V]) release(f *Fields) {
	f.reset()
	t.cache.fields.Put(f)
}
