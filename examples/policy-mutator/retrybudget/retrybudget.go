// Package retrybudget implements RetryBudgetPolicy: Envoy limits the retries that are in flight to
// the backends of a target.
//
// +groupName=example.com
// +versionName=v1
package retrybudget

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

//go:embed example.com_retrybudgetpolicies.yaml
var crd []byte

// Features returns the feature with its CRD, for a build of egraft.
func Features() []feature.Registration {
	return []feature.Registration{feature.New(New).WithCRDs(crd)}
}

// New returns the feature.
func New() mutator.Feature {
	return attach.ClusterPolicy[RetryBudgetPolicy]{
		Name:        "retry-budget",
		Kind:        GroupVersion.WithKind("RetryBudgetPolicy"),
		Targets:     func(p *RetryBudgetPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		TargetKinds: []string{xds.KindGateway, xds.KindHTTPRoute},
		OnFailure:   mutator.Ignore, // without a budget, Envoy limits the number of retries
		Validate:    validate,
		Edit:        edit,
		Describe: func(p *RetryBudgetPolicy, clusters int) string {
			return fmt.Sprintf("retries limited to %d %% of the requests, but not below %d, in %d clusters",
				*p.Spec.BudgetPercent, *p.Spec.MinRetryConcurrency, clusters)
		},
	}.Feature()
}

func validate(p *RetryBudgetPolicy) field.ErrorList {
	if p.Spec.MinRetryConcurrency == nil {
		p.Spec.MinRetryConcurrency = new(uint32(3))
	}
	at := field.NewPath("spec", "budgetPercent")
	switch percent := p.Spec.BudgetPercent; {
	case percent == nil:
		return field.ErrorList{field.Required(at, "")}
	case *percent > 100:
		return field.ErrorList{field.Invalid(at, *percent, "must be from 0 to 100")}
	}
	return nil
}

// edit sets the budget for each priority with limits from Envoy Gateway, and for the default
// priority.
func edit(p *RetryBudgetPolicy, c *clusterv3.Cluster) (attach.Change, error) {
	c.CircuitBreakers = cmp.Or(c.CircuitBreakers, &clusterv3.CircuitBreakers{})
	limits := c.CircuitBreakers
	if !slices.ContainsFunc(limits.Thresholds, func(t *clusterv3.CircuitBreakers_Thresholds) bool {
		return t.Priority == corev3.RoutingPriority_DEFAULT
	}) {
		limits.Thresholds = append(limits.Thresholds, &clusterv3.CircuitBreakers_Thresholds{})
	}
	for _, t := range limits.Thresholds {
		t.RetryBudget = &clusterv3.CircuitBreakers_Thresholds_RetryBudget{
			BudgetPercent:       &typev3.Percent{Value: float64(*p.Spec.BudgetPercent)},
			MinRetryConcurrency: wrapperspb.UInt32(*p.Spec.MinRetryConcurrency),
		}
	}
	return attach.Modified, nil
}
