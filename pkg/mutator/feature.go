package mutator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Feature is one feature: what it needs from Envoy Gateway and its mutators by kind of
// resource, nil where it has none. Its mutators run only in the hooks that it lists.
type Feature struct {
	// Name identifies the feature in logs, metrics and configuration: lower case, dashes.
	Name string
	// Hooks are those that the feature needs; `egraft config envoy-gateway` subscribes
	// Envoy Gateway to the union over all features and to nothing else. Each must have
	// something to run, and each mutator a hook that brings its resources, see [Hook.Kinds].
	Hooks []Hook
	// NeedsRoutes says that the feature uses [Input.Routes], for which Envoy Gateway has to
	// include the route configurations in the Translation hook.
	NeedsRoutes bool
	// PrunesSecrets says that a secret which a listener referred to before the feature changed
	// it, and nothing in the translation refers to any more, is to be dropped. Envoy Gateway
	// has to include secrets and all that may refer to them for it.
	PrunesSecrets bool

	// RenamesClusters says that the feature gives clusters of a translation other names. It has
	// failed on one that gets the name of another one, whether that came with the translation or
	// was given it, too. Routes are then led to the cluster under its new name. If Envoy
	// rejects it, their requests are rejected: under the old name Envoy would keep the cluster
	// as it was.
	RenamesClusters bool

	// After names features behind which this one runs, built in or not; see [Order]. Without
	// it the feature runs where the list has it.
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

	// ClusterVariants edits clusters by the routes and listeners that lead to them, in place of
	// Clusters and RouteConfigurations.
	ClusterVariants ClusterVariants

	// Additions adds resources to a translation, after the mutators ran.
	Additions Adder
	// Reporter tells for each policy of the feature what became of it.
	Reporter Reporter

	// Err is why the feature cannot work, for example a field that is missing where it was made.
	// [Validate] reports it.
	Err error
}

// Uses reports whether the feature runs in the hook.
func (f *Feature) Uses(h Hook) bool { return slices.Contains(f.Hooks, h) }

// MetadataKeys are the keys in egraft's metadata that are the feature's: its name, and those of its
// custom resources, see [MetadataKey].
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

// name is the form of names. Digits do not follow a dash, so that max-1 and max1 are not the
// same field of the file.
var name = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

// IsName tells whether a feature or a setting can have the name: lower-case words with dashes
// between them.
func IsName(s string) bool { return name.MatchString(s) }

// Validate reports features that cannot work: with an Err, without a name, with a name or a custom resource
// that another one has, with an unknown hook or failure policy, with a policy whose status they
// want to write, with hooks in which nothing runs, or with what runs in none of their hooks.
func Validate(features []Feature) error {
	errs := collisions(features)
	seen := map[string]bool{}
	for i := range features {
		f := &features[i]
		switch {
		case f.Name == "":
			errs = append(errs, fmt.Errorf("feature %d has no name", i))
		case !IsName(f.Name):
			errs = append(errs, fmt.Errorf("feature %q: the name must be lower-case words with dashes between them", f.Name))
		}
		if seen[f.Name] {
			errs = append(errs, fmt.Errorf("feature %q is listed twice", f.Name))
		}
		seen[f.Name] = true
		errs = append(errs, f.validate()...)
	}
	return errors.Join(errs...)
}

// collisions reports keys that two features have. A custom resource is read in one way and leaves
// its state on routes under one key, so that one feature lists it, in one version.
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
	if f.ClusterVariants != nil && (f.Clusters != nil || f.RouteConfigurations != nil) {
		errs = append(errs, fmt.Errorf("feature %q: set ClusterVariants, or Clusters and RouteConfigurations", f.Name))
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
