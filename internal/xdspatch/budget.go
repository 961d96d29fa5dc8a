package xdspatch

import (
	"context"
	"errors"

	"cel.dev/cel-go/cel"
)

// Budget limits the total cost of several expressions, in CEL units: one unit is about the cost of
// selecting a field. Each expression is bounded, but a resource can have thousands of messages. It
// is not safe for concurrent use.
type Budget struct{ left int64 }

// NewBudget returns a budget of units.
func NewBudget(units int64) *Budget { return &Budget{units} }

type budgetKey struct{}

// WithBudget returns a context in which expressions spend a budget. Once it is spent, they fail.
func WithBudget(ctx context.Context, b *Budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

var errSpent = errors.New("the expressions of the namespace's policies cost too much on this resource: use fewer or simpler ones")

func (b *Budget) isSpent() bool { return b != nil && b.left <= 0 }

func (b *Budget) spend(details *cel.EvalDetails) {
	if b == nil || details == nil {
		return
	}
	if cost := details.ActualCost(); cost != nil {
		b.left -= int64(min(*cost, maxCost)) //nolint:gosec // bounded
	}
}
