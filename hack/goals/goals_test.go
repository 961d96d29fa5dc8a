package goals_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/hack/goals"
)

// TestOfCalls uses servers with the same duration in every case.
func TestOfCalls(t *testing.T) {
	for name, c := range map[string]struct {
		took map[string]float64
		met  map[string]bool
	}{
		"nothing was measured": {nil, map[string]bool{}},
		"only two servers": {map[string]float64{"egraft": 1.2, "echo": 1}, map[string]bool{
			"nothing targeted / echo": true, "all targeted, unchanged / echo": true, "one changed / unchanged": true, "single-resource hook / echo": false,
		}},
		"as fast as the echo": {map[string]float64{"egraft": 1, "echo": 1, "plain": 10}, map[string]bool{
			"nothing targeted / echo": true, "all targeted, unchanged / echo": true, "one changed / unchanged": true, "single-resource hook / echo": true,
			"plain / nothing targeted": true, "plain / all targeted, unchanged": true, "all new / plain": true,
		}},
		"slower than the plain one": {map[string]float64{"egraft": 20, "echo": 1, "plain": 10}, map[string]bool{
			"nothing targeted / echo": false, "all targeted, unchanged / echo": false, "one changed / unchanged": true, "single-resource hook / echo": false,
			"plain / nothing targeted": false, "plain / all targeted, unchanged": false, "all new / plain": false,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			met := map[string]bool{}
			for _, g := range goals.OfCalls(func(_ string, _ int, server string) float64 { return c.took[server] }) {
				met[g.What] = g.Met()
			}
			require.Equal(t, c.met, met)
		})
	}
}
