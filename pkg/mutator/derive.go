package mutator

import "sync"

// Derive returns what compute makes of the input, and computes it once per input and key:
// what a family works out of all policies and routes, so that each resource is a look-up.
// The key is of a type of the family's own. The value is shared and must not be changed; a
// panic of compute is that of every caller.
func Derive[T any](in *Input, key any, compute func(*Input) T) T {
	once, ok := in.derived.Load(key)
	if !ok {
		once, _ = in.derived.LoadOrStore(key, sync.OnceValue(func() T { return compute(in) }))
	}
	return once.(func() T)()
}
