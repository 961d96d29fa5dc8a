// Package originaldestination implements OriginalDestinationBackend: Envoy sends a request to the
// address that the user's filter chose, within the networks that the backend allows.
//
// Envoy enforces the networks: filters before the router read the destination from where the user's
// filter wrote it, and reject the request if it is not in one of the networks. The cluster reads
// the destination from metadata that only these filters write, once for each request. It must never
// read what a client could have set. The filters do nothing for routes without a backend, because a
// listener has routes of many owners. See README.md.
package originaldestination

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "original-destination"

// resource is the plural of the kind.
const resource = "originaldestinationbackends"

// gvk is the kind of resource that the feature reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindOriginalDestinationBackend)

// kind reads backends from route metadata. They were validated before.
func kind() policy.Kind {
	return policy.NewKind[v1alpha1.OriginalDestinationBackend](gvk, nil).WithConditions(resource)
}

// New returns the feature. Unless allowSpecial is true, a backend that lists a special network, see
// [special], is invalid: only the operator may allow such networks.
func New(allowSpecial bool) mutator.Feature {
	check := func(b *v1alpha1.OriginalDestinationBackend) field.ErrorList { return validate(b, allowSpecial) }
	return mutator.Feature{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookRoute, mutator.HookCluster, mutator.HookTranslation},
		NeedsRoutes:   true,
		Backends:      []policy.Kind{policy.EncodeWithout(policy.NewKind(gvk, check).WithConditions(resource), strip)},
		FailurePolicy: mutator.Deny,
		Routes:        routes{},
		Clusters:      clusters{},
		Listeners:     listeners{},
		Reporter:      reporter{},
	}
}

// strip removes from a copy of a backend what neither a translation nor validation needs, because
// host names and matches multiply the metadata entry of a route.
func strip(b *v1alpha1.OriginalDestinationBackend) {
	b.Spec = v1alpha1.OriginalDestinationBackendSpec{Source: b.Spec.Source, AllowedCIDRs: b.Spec.AllowedCIDRs[:min(1, len(b.Spec.AllowedCIDRs))]}
	b.Status = v1alpha1.ConditionsStatus{}
}

// only returns the single backend of a rule. Envoy Gateway creates one cluster for several backends
// and does not pass which of them it belongs to.
func only(objects []*policy.Object) (*policy.Object, *v1alpha1.OriginalDestinationBackend, error) {
	if len(objects) > 1 {
		return nil, nil, several(objects)
	}
	o := objects[0]
	if o.Err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o, o.Err)
	}
	b := policy.As[v1alpha1.OriginalDestinationBackend](o)
	if b == nil {
		return nil, nil, fmt.Errorf("%s: not a backend of this kind", o)
	}
	return o, b, nil
}

// several returns an error that names the first two backends of a rule.
func several(objects []*policy.Object) error {
	return fmt.Errorf("%s and %s are backends of one rule, for which Envoy Gateway creates one cluster; use a rule for each", objects[0], objects[1])
}

// keyOf returns the cache key for the contents of the backends.
func keyOf(objects []*policy.Object) string {
	key := ""
	for _, o := range objects {
		key += o.Namespace + "/" + o.Name + "\x00" + o.Digest()
	}
	return key
}
