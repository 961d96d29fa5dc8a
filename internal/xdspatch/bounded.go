package xdspatch

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// bounded wraps every node that makes lists, maps or messages, and ends the expression when one of
// them is too large. For example, nested lists that each contain the inner list twice cost little
// to make, which the library counts, but much to compare or encode, which it does not. The wrapper
// also checks the context.
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

// Exec evaluates the call and checks the size of its result.
func (b *boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return limited(frame, b.InterpretableCall.Exec(frame))
}

// Exec evaluates the constructor and checks the size of its result.
func (b *boundedConstructor) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return limited(frame, b.InterpretableConstructor.Exec(frame))
}

// sizes counts the scalars of a value. It returns a very large number for values that are too deep
// or too large.
var sizes = types.NewSizeCalculator(types.SizeCalculatorMaxDepth(50), types.SizeCalculatorMaxTraversal(maxSize))

// limited stops the evaluation by a panic instead of an error: an expression can ignore an error,
// as in error || true, and the result must not depend on timing.
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
