package xds

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDistinct adds items to lists that share their first items.
func TestDistinct(t *testing.T) {
	shared := make([]int, 1, 4)
	var lists [2]distinct[int]
	for item := range 20 {
		for i := range lists {
			lists[i].addAll(shared)
			lists[i].addAll([]int{item * (i + 1), item})
		}
	}
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, lists[0].list)
	require.Equal(t, []int{0, 2, 1, 4, 6, 3, 8, 10, 5, 12, 14, 7, 16, 18, 9, 20, 22, 11, 24, 26, 13, 28, 30, 15, 32, 34, 17, 36, 38, 19}, lists[1].list)
}
