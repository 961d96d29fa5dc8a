package xdspatch

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// bounded wraps all that makes lists, maps and messages, and ends an expression when one of them is too
// large. A list that has another twice, and so on, costs little to make but much to compare or to write,
// and the library counts the former. What is wrapped also looks at the context.
func bounded(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch i := i.(type) {
	case interpreter.InterpretableConst, interpreter.InterpretableAttribute:
		return i, nil
	case interpreter.InterpretableCall:
		return &boundedCall{i}, nil
	case interpreter.InterpretableConstructor:
		return &boundedConstructor{i}, nil
	}
	return i, nil // a loop gets its result from one of the others
}

type (
	boundedCall        struct{ interpreter.InterpretableCall }
	boundedConstructor struct {
		interpreter.InterpretableConstructor
	}
)

// Exec evaluates and measures.
func (b *boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return limited(frame, b.InterpretableCall.Exec(frame))
}

// Exec evaluates and measures.
func (b *boundedConstructor) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return limited(frame, b.InterpretableConstructor.Exec(frame))
}

// sizes counts the scalars of a value, and all that is more than may be as very many.
var sizes = types.NewSizeCalculator(types.SizeCalculatorMaxDepth(50), types.SizeCalculatorMaxTraversal(maxSize))

// limited ends the evaluation, which an error does not: others may take its place, as in error || true,
// and the result must not depend on time.
func limited(frame *interpreter.ExecutionFrame, v ref.Val) ref.Val {
	if frame.CheckInterrupt() {
		panic(interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: "operation interrupted"})
	}
	switch v.(type) {
	case types.Bool, types.Int, types.Uint, types.Double, types.String, types.Bytes, *types.Err, *types.Unknown:
		return v
	case traits.Lister, traits.Mapper, traits.FieldTester, *types.Optional:
		if sizes.AggregateSize(v) > maxSize {
			panic(interpreter.EvalCancelledError{Cause: interpreter.MemoryLimitExceeded, Message: "a value too large"})
		}
	}
	return v
}
