//go:build !race

package cache

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLookupsDoNotAllocate covers hits and misses. With the race detector, sync.Pool drops values
// on purpose.
func TestLookupsDoNotAllocate(t *testing.T) {
	table := NewTable[list, string](newCache(t, 1<<20))
	key := list{[]string{"a", "b"}, [][]byte{[]byte("c")}, bytes.Repeat([]byte("x"), 1000)}
	other := list{last: key.last}
	slot := table.Put(key, "value", 0)
	require.Less(t, testing.AllocsPerRun(1000, func() {
		table.Get(key)
		table.Get(other)
		table.GetAt(slot)
	}), 1.0)
}
