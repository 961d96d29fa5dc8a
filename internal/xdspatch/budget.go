package xdspatch

import (
	"context"
	"errors"

	"cel.dev/cel-go/cel"
)

// Budget is what expressions may cost together, in units of CEL: about what the selection of a field
// takes. Each expression is bounded, but a resource can have thousands of messages. It is not for
// several goroutines.
type Budget struct{ left int64 }

// NewBudget is a budget of units.
func NewBudget(units int64) *Budget { return &Budget{units} }

type budgetKey struct{}

// WithBudget returns a context in which expressions spend a budget. When it is spent, they fail.
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
