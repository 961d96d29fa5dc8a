package xdspatchpolicy

import (
	"context"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/policy"
)

// maxCost limits the cost of the expressions of one namespace's policies on one resource, including
// all of its messages. A route configuration is one resource. Without the limit, the policies of
// one tenant could take the time of all.
const maxCost = 1_000_000

// budgets holds what each namespace has left for one resource.
type budgets map[string]*xdspatch.Budget

type budgetsKey struct{}

// withBudgets returns a context for the edit of one resource.
func withBudgets(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetsKey{}, budgets{})
}

// spending returns a context in which a policy spends what its namespace has left.
func spending(ctx context.Context, o *policy.Object) context.Context {
	all, _ := ctx.Value(budgetsKey{}).(budgets)
	if all[o.Namespace] == nil {
		all[o.Namespace] = xdspatch.NewBudget(maxCost)
	}
	return xdspatch.WithBudget(ctx, all[o.Namespace])
}
