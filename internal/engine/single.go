package engine

import (
	"bytes"

	"github.com/egraft/egraft/pkg/mutator"
)

// cachedCall is the response to a call for a single resource with custom resources.
type cachedCall struct {
	encoded  []byte // nil if unmodified
	outcomes []*Outcome
	policies []mutator.PolicyOutcome
}

// isSingle reports whether the response to a call is cached as a whole.
func (e *Engine) isSingle(call *Call) bool {
	if e.cache == nil || call.Hook == mutator.HookTranslation || len(call.Objects) == 0 ||
		len(call.Resources) != 1 || len(call.Resources[0].Encoded) != 1 {
		return false
	}
	return call.Resources[0].Kind != mutator.KindSecret && e.chains[call.Hook][call.Resources[0].Kind] != nil
}

// callKey returns the key of such a call, or false unless the state of the call, which depends on
// custom resources and host names, is cached.
func (e *Engine) callKey(call *Call) (key callKey, ok bool) {
	input := e.cached.inputs.Get(inputKey{call: call})
	if input == nil {
		return key, false
	}
	list := call.Resources[0]
	return callKey{input.ID(), e.chains[call.Hook][list.Kind].sorted(list.Encoded[0])}, true
}

// getCall returns the cached response to a call, or nil.
func (e *Engine) getCall(call *Call) *Response {
	key, ok := e.callKey(call)
	if !ok {
		return nil
	}
	found := e.cached.calls.Get(key)
	if found == nil {
		return nil
	}
	c, list := found.Value, call.Resources[0]
	if len(c.outcomes) > 0 {
		e.cache.Count(1, 0)
	}
	if c.encoded != nil {
		list.Encoded = [][]byte{c.encoded}
	}
	return &Response{
		Resources: []Resources{list}, Outcomes: c.outcomes, Policies: c.policies,
		Subject: func() string { return e.subject(&mutator.Input{Hook: call.Hook}, call) },
	}
}

// putCall caches the response to a call if no mutator failed, except in part, and all plans have
// cache keys.
func (e *Engine) putCall(call *Call, res *Response) {
	key, ok := e.callKey(call)
	if !ok || len(res.Warnings) > 0 || res.transient {
		return
	}
	for _, o := range res.Outcomes {
		if !o.partial && o.Result != Applied && o.Result != Unchanged {
			return
		}
	}
	c := &cachedCall{outcomes: res.Outcomes, policies: res.Policies}
	if now := res.Resources[0].Encoded[0]; !bytes.Equal(now, call.Resources[0].Encoded[0]) {
		c.encoded = now
	}
	e.cached.calls.Put(key, c, len(c.encoded)+sizeOfOutcomes(c.outcomes)+len(c.policies)*outcomeSize)
}
