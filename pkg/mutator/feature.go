package mutator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Feature is what a feature needs from Envoy Gateway, and its mutators by kind of resource,
// nil for kinds that it does not change. Mutators only run in the hooks that the feature
// lists.
type Feature struct {
	// Name identifies the feature in logs, metrics and configuration: lower case, dashes.
	Name string
	// Hooks are the hooks that the feature needs. `egraft config envoy-gateway` prints the
	// union of all features. Each hook must have a mutator to run, and each mutator a hook
	// with its resources, see [Hook.Kinds].
	Hooks []Hook
	// NeedsRoutes must be set if the feature uses [Input.Routes]. Envoy Gateway must then include
	// route configurations in the Translation hook.
	NeedsRoutes bool
	// PrunesSecrets removes a secret if a listener referred to it before the feature
	// changed the listener, and nothing in the translation refers to it any more. Envoy
	// Gateway must include secrets and all resources that may refer to them.
	PrunesSecrets bool

	// RenamesClusters must be set if the feature renames clusters of a translation. The mutator has
	// failed on a cluster if another cluster already has the new name or gets the same one. The
	// engine changes routes to the new name. If Envoy rejects the renamed cluster, their requests
	// are rejected: under the old name, Envoy would keep the old version of the cluster.
	RenamesClusters bool

	// After names features, built in or not, after which this one runs; see [Order].
	// Without it, the feature runs at its position in the list.
	After []string

	// Policies, Filters and Backends are the custom resources that the feature reads:
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

	// ClusterVariants edits clusters by the routes and listeners that lead to them, instead
	// of Clusters. In a route configuration, routes are changed to lead to copies of
	// clusters before RouteConfigurations edits it; if one fails, the other stays.
	ClusterVariants ClusterVariants

	// Additions adds resources to a translation after the mutators have run.
	Additions Adder
	// Reporter returns the outcome of each policy of the feature.
	Reporter Reporter
	// Rejects returns the policies that must not be in effect at all, with the reason,
	// usually a [RejectionError]. The engine calls it after all edits of a translation,
	// with what they counted, see [Count]. It then runs the translation again with these
	// policies invalid, so that their failure policies apply and other policies become
	// effective, until no more are rejected. If each rejection causes another one, policies
	// are rejected together after a few rounds: first all of the namespace, then all of the
	// feature. If Rejects fails, all policies of the feature are rejected.
	Rejects func(in *Input) map[*policy.Object]error

	// Err is why the feature cannot work, for example because a required field is missing.
	// [Validate] reports it.
	Err error
}

// Uses reports whether the feature runs in the hook.
func (f *Feature) Uses(h Hook) bool { return slices.Contains(f.Hooks, h) }

// MetadataKeys returns the feature's keys in egraft's metadata: its name, and the keys of
// its custom resources, see [MetadataKey].
func (f *Feature) MetadataKeys() []string {
	keys := []string{f.Name}
	for _, k := range f.kinds() {
		if key := MetadataKey(k.GroupVersionKind); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (f *Feature) kinds() []policy.Kind { return slices.Concat(f.Policies, f.Filters, f.Backends) }

// name is the form of names. A digit cannot follow a dash, so that max-1 and max1 cannot become the
// same field of the file.
var name = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

// IsName reports whether s is a valid name of a feature or setting: lowercase words separated by
// dashes.
func IsName(s string) bool { return name.MatchString(s) }

// Validate reports features that cannot work: with an Err, without a name, with the name or a custom
// resource of another feature, with an unknown hook or failure policy, with conditions for a policy
// (Envoy Gateway writes the status of policies), with hooks in which nothing runs, or with fields
// that have no effect in any of their hooks.
func Validate(features []Feature) error {
	errs := collisions(features)
	seen := map[string]bool{}
	for i := range features {
		f := &features[i]
		switch {
		case f.Name == "":
			errs = append(errs, fmt.Errorf("feature %d has no name", i))
		case !IsName(f.Name):
			errs = append(errs, fmt.Errorf("feature %q: the name must be lowercase words separated by dashes", f.Name))
		}
		if seen[f.Name] {
			errs = append(errs, fmt.Errorf("feature %q is listed twice", f.Name))
		}
		seen[f.Name] = true
		errs = append(errs, f.validate()...)
	}
	return errors.Join(errs...)
}

// collisions reports keys that two features share. A custom resource is decoded in one way, and keeps
// its state on routes under one key, so only one feature may list it, in one version.
func collisions(features []Feature) (errs []error) {
	owners, versions := map[string]string{xds.DeniedKey: "egraft", xds.ShadowKey: "egraft"}, map[string]string{}
	for i := range features {
		f := &features[i]
		for _, key := range f.MetadataKeys() {
			if owner, taken := owners[key]; taken && owner != f.Name {
				errs = append(errs, fmt.Errorf("feature %q: %s belongs to %s: one feature lists a custom resource, and others find its objects in Input.Objects", f.Name, key, owner))
				continue
			}
			owners[key] = f.Name
		}
		for _, k := range f.kinds() {
			key := MetadataKey(k.GroupVersionKind)
			if v, seen := versions[key]; seen && v != k.Version && owners[key] == f.Name {
				errs = append(errs, fmt.Errorf("feature %q: %s is listed as %s and %s: Envoy Gateway would send each object in both versions", f.Name, key, v, k.Version))
			}
			versions[key] = k.Version
		}
	}
	return errs
}

func (f *Feature) validate() (errs []error) {
	if f.Err != nil {
		errs = append(errs, fmt.Errorf("feature %q: %w", f.Name, f.Err))
	}
	if len(f.Hooks) == 0 {
		errs = append(errs, fmt.Errorf("feature %q names no hook", f.Name))
	}
	for _, h := range f.Hooks {
		if !slices.Contains(Hooks(), h) {
			errs = append(errs, fmt.Errorf("feature %q: unknown hook %q", f.Name, h))
		}
	}
	errs = append(errs, f.validateHooks()...)
	if f.ClusterVariants != nil && f.Clusters != nil {
		errs = append(errs, fmt.Errorf("feature %q: set ClusterVariants or Clusters", f.Name))
	}
	for _, k := range f.Policies {
		if k.HasConditions() {
			errs = append(errs, fmt.Errorf("feature %q: the status of policies is Envoy Gateway's, so %s cannot have conditions", f.Name, k.Kind))
		}
	}
	switch f.FailurePolicy {
	case "", Deny, Ignore, Fail:
	default:
		errs = append(errs, fmt.Errorf("feature %q: unknown failure policy %q", f.Name, f.FailurePolicy))
	}
	return errs
}
