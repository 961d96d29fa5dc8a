package engine

import (
	"bytes"
	"encoding/binary"

	"github.com/egraft/egraft/pkg/mutator"
)

// single is what became of the resource of a call that has one, with custom resources for it.
type single struct {
	encoded  []byte // nil if it is what it was
	outcomes []*Outcome
	policies []mutator.PolicyOutcome
}

// isSingle tells whether what becomes of a call is remembered as a whole.
func (e *Engine) isSingle(call *Call) bool {
	if e.memo == nil || call.Hook == mutator.HookTranslation || len(call.Objects) == 0 ||
		len(call.Resources) != 1 || len(call.Resources[0].Encoded) != 1 {
		return false
	}
	return call.Resources[0].Kind != mutator.KindSecret && e.chains[call.Hook][call.Resources[0].Kind] != nil
}

// singleKey is all that the result of such a call depends on, and nil if the custom resources and
// host names are not remembered.
func (e *Engine) singleKey(call *Call) [][]byte {
	input := e.memo.find(inputKey(call, nil)...)
	if input == nil {
		return nil
	}
	list := call.Resources[0]
	sorted := e.chains[call.Hook][list.Kind].sorted(list.Encoded[0])
	return [][]byte{[]byte("single resource"), binary.LittleEndian.AppendUint64(nil, input.id), sorted}
}

// recallSingle answers a call as it was answered before, without asking any mutator, and returns
// nil if it was not.
func (e *Engine) recallSingle(call *Call) *Result {
	key := e.singleKey(call)
	if key == nil {
		return nil
	}
	s, ok := e.memo.recall(key...).(*single)
	if !ok {
		return nil
	}
	if len(s.outcomes) > 0 {
		e.memo.hits.Add(1)
	}
	list := call.Resources[0]
	if s.encoded != nil {
		list.Encoded = [][]byte{s.encoded}
	}
	return &Result{
		Resources: []Resources{list}, Outcomes: s.outcomes, Policies: s.policies,
		Subject: func() string { return e.subject(&mutator.Input{Hook: call.Hook}, call) },
	}
}

// keepSingle remembers the result of a call in which nothing failed, since what did is tried again,
// and all mutators that the resource is for said what they depend on.
func (e *Engine) keepSingle(call *Call, res *Result) {
	key := e.singleKey(call)
	if key == nil || len(res.Warnings) > 0 || res.transient {
		return
	}
	for _, o := range res.Outcomes {
		if o.Verdict != Applied && o.Verdict != Unchanged {
			return
		}
	}
	s := &single{outcomes: res.Outcomes, policies: res.Policies}
	if now := res.Resources[0].Encoded[0]; !bytes.Equal(now, call.Resources[0].Encoded[0]) {
		s.encoded = now
	}
	e.memo.keep(s, len(s.encoded)+(len(s.outcomes)+len(s.policies))*outcomeSize, key...)
}
