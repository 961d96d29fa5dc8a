package mutator

import (
	"errors"
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/policy"
)

// Family is one feature: what it needs from Envoy Gateway and its mutators by kind of
// resource, nil where it has none. Its mutators run only in the hooks that it lists.
type Family struct {
	// Name identifies the family in logs, metrics and configuration: lower case, dashes.
	Name string
	// Hooks are those that the family needs; `egraft config envoy-gateway` subscribes
	// Envoy Gateway to the union over all families and to nothing else. Each must have
	// something to run, and each mutator a hook that brings its resources, see [Hook.Kinds].
	Hooks []Hook
	// NeedsReach says that the family uses [Input.Reach], for which Envoy Gateway has to
	// include the route configurations in the Translation hook.
	NeedsReach bool
	// DropsSecrets says that a secret which a listener referred to before the family changed
	// it, and nothing in the translation refers to any more, is to be dropped. Envoy Gateway
	// has to include secrets and all that may refer to them for it.
	DropsSecrets bool

	// RenamesClusters says that the family gives clusters of a translation other names, which no
	// other cluster may have. Routes are then led to the cluster under its new name. If Envoy
	// rejects it, their requests are refused: under the old name Envoy would keep the cluster
	// as it was.
	RenamesClusters bool

	// After names families behind which this one runs, built in or not; see [Order]. Without
	// it the family runs where the list has it.
	After []string

	// Policies, Filters and Backends are the custom resources that the family reads:
	// attached to Gateways and routes, as ExtensionRef filters, and as backendRefs.
	Policies, Filters, Backends []policy.Kind

	// FailurePolicy is Deny if it is empty.
	FailurePolicy FailurePolicy

	Routes              Route
	VirtualHosts        VirtualHost
	Listeners           Listener
	Clusters            Cluster
	Endpoints           Endpoints
	Secrets             Secret
	RouteConfigurations RouteConfiguration

	// Additions adds resources to a translation, after the mutators ran.
	Additions Adder
	// Reporter tells for each policy of the family what became of it.
	Reporter Reporter
}

// Uses reports whether the family runs in the hook.
func (f *Family) Uses(h Hook) bool { return slices.Contains(f.Hooks, h) }

// Validate reports families that cannot work: without a name, with a name that another
// one has, with an unknown hook or failure policy, with a policy whose status they want to
// write, with hooks in which nothing runs, or with what runs in none of their hooks.
func Validate(families []Family) error {
	var errs []error
	seen := map[string]bool{}
	for i := range families {
		f := &families[i]
		if f.Name == "" {
			errs = append(errs, fmt.Errorf("mutator family %d has no name", i))
		}
		if seen[f.Name] {
			errs = append(errs, fmt.Errorf("mutator family %q is listed twice", f.Name))
		}
		seen[f.Name] = true
		errs = append(errs, f.validate()...)
	}
	return errors.Join(errs...)
}

func (f *Family) validate() (errs []error) {
	if len(f.Hooks) == 0 {
		errs = append(errs, fmt.Errorf("mutator family %q names no hook", f.Name))
	}
	for _, h := range f.Hooks {
		if !slices.Contains(Hooks(), h) {
			errs = append(errs, fmt.Errorf("mutator family %q: unknown hook %q", f.Name, h))
		}
	}
	errs = append(errs, f.validateHooks()...)
	for _, k := range f.Policies {
		if k.HasConditions() {
			errs = append(errs, fmt.Errorf("mutator family %q: the status of policies is Envoy Gateway's, so %s cannot have conditions", f.Name, k.Kind))
		}
	}
	switch f.FailurePolicy {
	case "", Deny, Ignore, Fail:
	default:
		errs = append(errs, fmt.Errorf("mutator family %q: unknown failure policy %q", f.Name, f.FailurePolicy))
	}
	return errs
}
