package mutator

import "sync"

// ComputeOnce returns what compute makes of the input, and computes it once per input and key:
// what a feature works out of all policies and routes, so that each resource is a look-up.
// The key is of a type of the feature's own. The value is shared and must not be changed; a
// panic of compute is that of every caller.
func ComputeOnce[T any](in *Input, key any, compute func(*Input) T) T {
	once, ok := in.computed.Load(key)
	if !ok {
		once, _ = in.computed.LoadOrStore(key, sync.OnceValue(func() T { return compute(in) }))
	}
	return once.(func() T)()
}
