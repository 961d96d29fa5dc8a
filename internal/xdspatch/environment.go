package xdspatch

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Limits of expressions. One unit of cost is about the cost of selecting a field.
const (
	maxExpression = 2048
	maxNodes      = 1000
	maxNesting    = 40
	maxRegexp     = 1000
	// maxCost stops a running expression after some milliseconds.
	maxCost = 100_000
	// maxLoops is the maximum nesting of loops.
	maxLoops = 3
	// maxSize is the maximum size of a value made by an expression, in scalars.
	maxSize = 20_000
)

// environment is the part common to the expressions of all messages: the functions, and the types
// of all messages with Go code, which are the ones an Any can contain.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.Types(cel.NativeTypeFor[Target](types.ParseStructTag("cel"))),
		cel.Variable("target", cel.ObjectType("xdspatch.Target")),
		cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ExpressionNodeLimit(maxNodes), cel.ParserRecursionLimit(maxNesting),
		cel.RegexProgramSizeLimit(maxRegexp),
		cel.CostSizingStrategy(cost.AggregateSizingStrategy(types.SizeCalculatorMaxDepth(100), types.SizeCalculatorMaxTraversal(10*maxSize))),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(), cel.ValidateComprehensionNestingLimit(maxLoops)),
	}
	var files []any
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		files = append(files, f)
		return true
	})
	return cel.NewEnv(append(append(options, cel.TypeDescs(files...)), stringFunctions()...)...)
})

// environments caches the environments of messages, by name.
var environments sync.Map

// environmentOf returns the environment in which self is a message of the type.
func environmentOf(of protoreflect.MessageDescriptor) (*cel.Env, error) {
	if env, ok := environments.Load(of.FullName()); ok {
		return env.(*cel.Env), nil
	}
	base, err := environment()
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	env, err := base.Extend(
		cel.Container(string(of.ParentFile().Package())),
		cel.TypeDescs(filesOf(of)...),
		cel.Variable("self", cel.ObjectType(string(of.FullName()))),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare expressions on %s: %w", of.FullName(), err)
	}
	environments.Store(of.FullName(), env)
	return env, nil
}

// filesOf returns the file of a message and all its imports that have no Go code.
func filesOf(of protoreflect.MessageDescriptor) (files []any) {
	seen := map[string]bool{}
	var visit func(protoreflect.FileDescriptor)
	visit = func(f protoreflect.FileDescriptor) {
		if _, err := protoregistry.GlobalFiles.FindFileByPath(f.Path()); err == nil || seen[f.Path()] || f.IsPlaceholder() {
			return
		}
		seen[f.Path()] = true
		files = append(files, f)
		for i := range f.Imports().Len() {
			visit(f.Imports().Get(i).FileDescriptor)
		}
	}
	visit(of.ParentFile())
	return files
}

// unsized estimates the cost of an expression for messages of any size: only the minimum is used.
type unsized struct{}

// EstimateCallCost leaves the cost of functions to the library.
func (unsized) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize leaves sizes to the library.
func (unsized) EstimateSize(cost.AstNode) *cost.SizeEstimate { return nil }
