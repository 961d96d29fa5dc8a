package xdspatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
)

// expression is a compiled CEL expression.
type expression struct {
	program cel.Program
	// fixed is the result of an expression without variables.
	fixed ref.Val
}

// compile compiles an expression. accept returns why a result type is not allowed, "" if it is.
func compile(of protoreflect.MessageDescriptor, text string, accept func(*cel.Type) string, at *field.Path) (*expression, *field.Error) {
	fail := func(fault string) (*expression, *field.Error) {
		return nil, field.Invalid(at, typedconfig.Shortened(text), plain(fault))
	}
	if len(text) > maxExpression {
		return fail(fmt.Sprintf("has more than %d bytes", maxExpression))
	}
	env, err := environmentOf(of)
	if err != nil {
		return nil, field.InternalError(at, err)
	}
	checked, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return fail(issueOf(issues))
	}
	if fault := accept(checked.OutputType()); fault != "" {
		return fail(fault)
	}
	if fault := unordered(checked.NativeRep()); fault != "" {
		return fail(fault)
	}
	if estimate, err := env.EstimateCost(checked, unsized{}); err != nil || estimate.Min > maxCost {
		return fail("costs too much to evaluate")
	}
	program, err := env.Program(checked, cel.CostTracking(costs{}), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(10), cel.CustomDecoratorV2(bounded), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return fail(err.Error())
	}
	out := &expression{program: program}
	if isFixed(checked.NativeRep()) {
		if out.fixed, _, err = program.Eval(cel.NoVars()); err != nil {
			return fail(faultOf(err))
		}
	}
	return out, nil
}

// issueOf returns the compiler's first error, on one line.
func issueOf(issues *cel.Issues) string {
	all := issues.Errors()
	if len(all) == 0 {
		return "is not an expression"
	}
	message, _, _ := strings.Cut(all[0].Message, " expecting ")
	return fmt.Sprintf("%s, at character %d", message, all[0].Location.Column()+1)
}

// plain returns a text on one line, without control characters.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return typedconfig.Shortened(text)
}

// isFixed reports whether an expression has no variables.
func isFixed(a *ast.AST) bool {
	fixed := true
	ast.PreOrderVisit(ast.NavigateAST(a), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && (e.AsIdent() == "self" || e.AsIdent() == "target") {
			fixed = false
		}
	}))
	return fixed
}

// unordered returns a fault if the expression makes a list of the entries of a map, because their
// order varies between runs.
func unordered(a *ast.AST) (fault string) {
	ast.PreOrderVisit(ast.NavigateAST(a), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.ComprehensionKind || e.AsComprehension().AccuInit().Kind() != ast.ListKind {
			return
		}
		if kind := a.GetType(e.AsComprehension().IterRange().ID()).Kind(); kind != types.ListKind {
			fault = "converts a map to a list: the entries of a map have no order; use all, exists or in"
		}
	}))
	return fault
}

func compileWhen(of protoreflect.MessageDescriptor, text string, at *field.Path) (*expression, *field.Error) {
	return compile(of, text, func(t *cel.Type) string {
		if t.Kind() == types.BoolKind || t.Kind() == types.DynKind {
			return ""
		}
		return "is of type " + t.String() + " and must be bool"
	}, at)
}

// run evaluates the expression. It stops when the context ends or the cost exceeds the limit.
func (e *expression) run(ctx context.Context, m proto.Message, target *Target) (ref.Val, error) {
	if e.fixed != nil {
		return e.fixed, nil
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	budget, _ := ctx.Value(budgetKey{}).(*Budget)
	if budget.isSpent() {
		return nil, errSpent
	}
	v, details, err := e.program.ContextEval(ctx, map[string]any{"self": m, "target": target})
	budget.spend(details)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, errors.New(faultOf(err))
	}
	return v, nil
}

// faults are the errors of expressions that are shown. Others may quote content of the message,
// which can be secret.
var faults = []string{
	"no such key", "no such field", "no such attribute", "no such overload", "index out of bounds", "division by zero", "modulus by zero",
	"integer overflow", "duration overflow", "range error", "actual cost limit exceeded", "a value too large", longText, noSeparator,
}

// faultOf describes an error without content of the message.
func faultOf(err error) string {
	text := err.Error()
	for _, f := range faults {
		if strings.Contains(text, f) {
			return f
		}
	}
	return "a value cannot be used this way, or is a message that cannot be read"
}

// holds evaluates a condition.
func (e *expression) holds(ctx context.Context, m proto.Message, target *Target) (bool, error) {
	v, err := e.run(ctx, m, target)
	if err != nil {
		return false, fmt.Errorf("evaluate when: %w", err)
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("evaluate when: the result is of type %s and must be bool", v.Type().TypeName())
	}
	return bool(b), nil
}
