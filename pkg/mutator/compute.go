package mutator

import "sync"

// ComputeOnce returns the result of compute, and calls it once per input and key. Use it for what a
// feature derives from all policies and routes, so that each resource is only a lookup. The type of
// the key must belong to the feature. The value is shared and must not be changed. If compute
// panics, every caller panics.
func ComputeOnce[T any](in *Input, key any, compute func(*Input) T) T {
	in = in.origin()
	once, ok := in.computed.Load(key)
	if !ok {
		once, _ = in.computed.LoadOrStore(key, sync.OnceValue(func() T { return compute(in) }))
	}
	return once.(func() T)()
}
