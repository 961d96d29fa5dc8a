package quantity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/quantity"
)

func TestWhole(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "+1": 1, "-1": -1, "64Ki": 64 << 10, "1Mi": 1 << 20, "50M": 50_000_000, "1e3": 1000, "1E3": 1000, "1e+06": 1_000_000,
		"1.5Ki": 1536, "0.5Gi": 512 << 20, "2.5Mi": 2_621_440, "1.0": 1, "1.": 1, ".5k": 500, "0.0009765625Ki": 1, "9223372036854775807": 1<<63 - 1,
		"128974848000m": 128_974_848, "1000m": 1, "1000000u": 1, "1000000000n": 1, "1500e-2": 15, "0.000001M": 1, "00000000000000000000000000000001": 1,
	} {
		q, err := quantity.Parse(text)
		require.NoError(t, err, text)
		got, whole := quantity.Whole(q)
		require.True(t, whole, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"0.5", "1500m", "1.5", "1n", "50m", "0.0001Ki", "1e-1", "1e19", "9223372036854775808", "-1e19", "1e99", "10E", "1e-99"} {
		q, err := quantity.Parse(text)
		require.NoError(t, err, text)
		if n, whole := quantity.Whole(q); whole {
			require.Fail(t, "whole", "%s is %d", text, n)
		}
	}
}

// TestHostileText: text that takes minutes in Kubernetes' parser does not reach it.
func TestHostileText(t *testing.T) {
	start := time.Now()
	for _, text := range []string{
		"", " ", "1 ", "lots", "1KiB", "1ki", "e3", "1e", "1e+", "0x10", "1_000", "١", "1\n", "--1", "1e1.5", "15e-1k", "NaN", "Inf",
		"1e-60000000", "1e60000000", "1E-2147483648", "1e-100", "1e100", strings.Repeat("9", 33), strings.Repeat("9", 1<<20),
		"0." + strings.Repeat("0", 1<<20), strings.Repeat(" ", 1<<20), "1e-" + strings.Repeat("0", 1<<20),
	} {
		_, err := quantity.Parse(text)
		require.EqualError(t, err, "must be a quantity: a number of at most 32 characters with a suffix like Ki or M", "%.40q", text)
	}
	require.Less(t, time.Since(start), time.Second)
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1e-60000000", "1.5Ki", "128974848000m", strings.Repeat("9", 32) + "E", "1e-99"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		if q, err := quantity.Parse(text); err == nil {
			if n, whole := quantity.Whole(q); whole && n != q.Value() {
				require.Fail(t, "another number", "%q: %d", text, n)
			}
		}
		require.Less(t, time.Since(start), time.Second, "%.40q", text)
	})
}
