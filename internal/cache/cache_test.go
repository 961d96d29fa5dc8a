package cache

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// two is a key of two texts, and list is a key with lists and bytes.
type two struct{ a, b string }

func (k two) AddTo(f *Fields) {
	f.String(k.a)
	f.String(k.b)
}

type list struct {
	texts []string
	bytes [][]byte
	last  []byte
}

func (k list) AddTo(f *Fields) {
	f.Strings(k.texts)
	f.BytesList(k.bytes)
	f.Bytes(k.last)
}

// content is a key that consists of bytes only.
type content []byte

func (k content) AddTo(f *Fields) { f.Bytes(k) }

func newCache(t *testing.T, limit int64) *Cache {
	t.Helper()
	c, err := New(limit)
	require.NoError(t, err)
	return c
}

func TestGet(t *testing.T) {
	table := NewTable[two, string](newCache(t, 1<<20))
	require.Nil(t, table.Get(two{"a", "b"}))
	first := table.Put(two{"a", "b"}, "first", 0)
	require.Equal(t, "first", table.Get(two{"a", "b"}).Value)
	require.Equal(t, first, table.Get(two{"a", "b"}).Slot)
	require.Equal(t, "first", table.GetAt(first).Value)
	require.Nil(t, table.GetAt(Slot{}))

	second := table.Put(two{"a", "b"}, "second", 0)
	require.NotEqual(t, first.ID(), second.ID())
	require.Equal(t, "second", table.Get(two{"a", "b"}).Value)
	require.Nil(t, table.GetAt(first), "it is another entry")
}

// TestTablesNeverMeet uses the same keys and values in two tables, and puts an entry of one where
// the other would look it up.
func TestTablesNeverMeet(t *testing.T) {
	c := newCache(t, 1<<20)
	one, other, numbers := NewTable[two, string](c), NewTable[two, string](c), NewTable[two, int](c)
	slot := one.Put(two{"a", "b"}, "one", 0)
	require.Nil(t, other.Get(two{"a", "b"}))
	require.Nil(t, other.GetAt(slot))
	require.Nil(t, numbers.Get(two{"a", "b"}))
	require.Nil(t, numbers.GetAt(slot))

	moveTo(one, slot, hashOf(other, two{"a", "b"}))
	require.Nil(t, other.Get(two{"a", "b"}))
	moveTo(one, slot, hashOf(numbers, two{"a", "b"}))
	require.Nil(t, numbers.Get(two{"a", "b"}))

	other.Put(two{"a", "b"}, "other", 0)
	require.Equal(t, "one", one.Get(two{"a", "b"}).Value)
	require.Equal(t, "other", other.Get(two{"a", "b"}).Value)
}

// TestFieldsAreApart uses keys whose fields concatenate to the same bytes. It puts each entry where
// the entry of another key would be, so the hash alone does not distinguish them.
func TestFieldsAreApart(t *testing.T) {
	b := func(all ...string) (out [][]byte) {
		for _, s := range all {
			out = append(out, []byte(s))
		}
		return out
	}
	t.Run("texts", func(t *testing.T) {
		areApart(t, []two{{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"a\x02", "bc"}, {"a", "\x02bc"}})
	})
	t.Run("lists", func(t *testing.T) {
		areApart(t, []list{
			{[]string{"a", "b"}, nil, nil},
			{[]string{"ab"}, nil, nil},
			{[]string{"a"}, b("b"), nil},
			{[]string{"a"}, nil, []byte("b")},
			{nil, b("a", "b"), nil},
			{nil, b("ab"), nil},
			{nil, b("a"), []byte("b")},
			{nil, nil, []byte("ab")},
			{nil, b("ab", ""), nil},
			{nil, b("", "ab"), nil},
			{[]string{""}, b("ab"), nil},
		})
	})
}

func areApart[K Key](t *testing.T, keys []K) {
	t.Helper()
	for i, key := range keys {
		for j, other := range keys {
			table := NewTable[K, int](newCache(t, 1<<20))
			slot := table.Put(key, i, 0)
			moveTo(table, slot, hashOf(table, other))
			if i == j {
				require.Equal(t, i, table.Get(other).Value)
			} else {
				require.Nil(t, table.Get(other), "%q has the entry of %q", other, key)
				require.NotEqual(t, hashOf(table, key), hashOf(table, other))
			}
		}
	}
}

// hashOf returns the hash under which the entry of a key is stored.
func hashOf[K Key, V any](t *Table[K, V], key K) uint64 {
	f := t.cache.newFields()
	defer t.cache.release(f)
	key.AddTo(f)
	return f.hash(t.cache.seed, t.number)
}

// moveTo stores an entry under another hash.
func moveTo[K Key, V any](t *Table[K, V], s Slot, hash uint64) {
	t.cache.entries.Set(hash, &t.GetAt(s).header)
}

// TestBoundIsHeld puts far more than the cache holds into tables that share it.
func TestBoundIsHeld(t *testing.T) {
	const limit = 1 << 20
	c := newCache(t, limit)
	small, large := NewTable[two, int](c), NewTable[content, int](c)
	for i := range 10_000 {
		small.Put(two{"key", fmt.Sprint(i)}, i, 1000)
		large.Put(fmt.Appendf(bytes.Repeat([]byte("x"), 1000), "%d", i), i, 0)
		if i%1000 == 999 {
			require.LessOrEqual(t, c.Stats().Bytes, uint64(limit))
		}
	}
	s := c.Stats()
	require.Greater(t, s.Bytes, uint64(limit/2), "the room is used")
	require.Less(t, s.Entries, uint64(limit/1000), "keys count, and so do sizes")
	require.EqualValues(t, 20_000, s.Puts)
}

// TestTooLargeIsNotHeld: a value larger than the cache, or whose size overflows, evicts nothing.
func TestTooLargeIsNotHeld(t *testing.T) {
	c := newCache(t, 1<<20)
	table := NewTable[two, int](c)
	table.Put(two{"a", "small"}, 1, 0)
	table.Put(two{"a", "large"}, 2, 1<<21)
	table.Put(two{"a", "huge"}, 3, 1<<40)
	require.EqualValues(t, 1, c.Stats().Entries)
	require.Equal(t, 1, table.Get(two{"a", "small"}).Value)
}

// TestNothingOfTheCallerIsHeld: the caller may change or free the bytes of a key after a call.
func TestNothingOfTheCallerIsHeld(t *testing.T) {
	c := newCache(t, 1<<20)
	table := NewTable[content, []byte](c)
	freed := make(chan struct{})
	func() {
		key := bytes.Repeat([]byte("x"), 1<<16)
		runtime.AddCleanup(&key[0], func(struct{}) { close(freed) }, struct{}{})
		table.PutFunc(key, func(last []byte) ([]byte, int) {
			require.Equal(t, key, last)
			require.NotSame(t, &key[0], &last[0])
			return last, 0
		})
		require.NotNil(t, table.Get(key))
		clear(key)
		require.Nil(t, table.Get(key))
	}()
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
	require.NotNil(t, table.Get(bytes.Repeat([]byte("x"), 1<<16)))
}

// TestFieldsAreReused: fields keep nothing of the previous key.
func TestFieldsAreReused(t *testing.T) {
	f := &Fields{}
	list{[]string{"a"}, [][]byte{[]byte("b")}, []byte("c")}.AddTo(f)
	f.endPiece()
	f.reset()
	require.Empty(t, f.encode())
	for _, piece := range f.pieces[:cap(f.pieces)] {
		require.Nil(t, piece)
	}
}

// TestLastField: a value may retain the last field of its key if it was added by Bytes.
func TestLastField(t *testing.T) {
	c := newCache(t, 1<<20)
	last := func(b []byte) (string, int) { return string(b), 0 }
	require.Equal(t, "z", valueAt(NewTable[list, string](c), list{[]string{"a"}, [][]byte{[]byte("y")}, []byte("z")}, last))
	require.Empty(t, valueAt(NewTable[list, string](c), list{[]string{"a"}, [][]byte{[]byte("y")}, nil}, last))
	require.Empty(t, valueAt(NewTable[two, string](c), two{"a", "b"}, last))
}

func valueAt[K Key, V any](t *Table[K, V], key K, value func([]byte) (V, int)) V {
	return t.GetAt(t.PutFunc(key, value)).Value
}

// TestDisabled: a cache of 0 bytes holds nothing and needs no memory.
func TestDisabled(t *testing.T) {
	for _, limit := range []int64{0, -1} {
		c := newCache(t, limit)
		require.Nil(t, c)
		table := NewTable[two, string](c)
		require.Zero(t, table.Put(two{"a", "b"}, "value", 0))
		require.Nil(t, table.Get(two{"a", "b"}))
		require.Nil(t, table.GetAt(Slot{1, 1}))
		c.Count(1, 1)
		require.Zero(t, c.Stats())
	}
}

func TestCount(t *testing.T) {
	c := newCache(t, 1<<20)
	c.Count(2, 1)
	c.Count(3, 0)
	require.Equal(t, Stats{Hits: 5, Misses: 1}, c.Stats())
}

// TestConcurrentUse uses tables concurrently in a cache that is too small.
func TestConcurrentUse(t *testing.T) {
	c := newCache(t, 1<<16)
	texts, bytes := NewTable[two, string](c), NewTable[content, string](c)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 5000 {
				name := fmt.Sprint(i % 300)
				if e := texts.Get(two{"a", name}); e != nil && e.Value != name {
					t.Errorf("%s has the value %s", name, e.Value)
				}
				slot := texts.Put(two{"a", name}, name, 0)
				if e := bytes.Get(content(name)); e != nil && e.Value != name {
					t.Errorf("%s has the value %s", name, e.Value)
				}
				bytes.Put(content(name), name, 0)
				if e := texts.GetAt(slot); e != nil && e.Value != name {
					t.Errorf("%s has the value %s", name, e.Value)
				}
				c.Count(1, 1)
			}
		})
	}
	all.Wait()
	s := c.Stats()
	require.LessOrEqual(t, s.Bytes, uint64(1<<16))
	require.EqualValues(t, 8*5000, s.Hits)
}
