package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
)

// soak makes calls in which all or some clusters are new, prints egraft's memory at intervals, and
// fails if it grows.
func soak(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	size := o.sizes[len(o.sizes)-1]
	o.cache = cmp.Or(o.cache, cacheFor(size))
	s, err := start(ctx, "egraft", dir, o)
	if err != nil {
		return err
	}
	defer s.stop()
	r := translate(size, mtls)
	var half, most float64 // of the first and of the second half
	for call := range o.soak {
		r.turn(call)
		r.change(min(size, o.changed), call)
		if err := s.call(ctx, r, nil); err != nil {
			return err
		}
		if (call+1)%max(1, o.soak/20) != 0 {
			continue
		}
		u, err := s.usage(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d calls of %d clusters: %.0f MB resident, %.0f MB in the cache\n", call+1, size, u.resident/1e6, u.cache/1e6)
		if call < o.soak/2 {
			half = max(half, u.resident)
		} else {
			most = max(most, u.resident)
		}
	}
	if most > 1.2*half {
		return fmt.Errorf("memory grows: %.0f MB in the first half, %.0f MB in the second", half/1e6, most/1e6)
	}
	return nil
}
