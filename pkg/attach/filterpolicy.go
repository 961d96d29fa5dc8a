package attach

import (
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// FilterPolicy is a feature whose custom resources T are policies on Gateways, listeners,
// HTTPRoutes, GRPCRoutes and their rules, each with its own HTTP filter in Envoy. Several policies
// can be in effect on one target: the most specific one of each Slot, see [Effective].
//
// The filter is inserted into the HTTP connection managers that serve a target, and into no others. It
// is disabled there, and enabled for the routes of the targets: by the Route hook for policies on
// routes, and by the Translation hook for policies on listeners. With Upstream, it is inserted into
// clusters.
//
// Filters with the same position are in the order of the policies, oldest first. Envoy decides at the
// start of a request whether a disabled filter takes part: if another filter makes Envoy select the
// route again, the filters of the first route remain.
type FilterPolicy[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Targets are the targets of a policy. They are validated before Validate is called.
	Targets func(*T) *v1alpha1.PolicyTargets
	// TargetKinds are the allowed kinds of targets; Gateway, GatewayClass, HTTPRoute and GRPCRoute
	// if it is empty.
	TargetKinds []string
	// OnFailure is the failure policy of policies that do not set spec.failurePolicy. With Deny the
	// targets are denied if the filter is missing because Envoy Gateway does not include listeners.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList
	// Slot returns which policies of a namespace override each other: those with the same slot.
	// Policies of different namespaces never do. If it is nil, all policies of a namespace have the
	// same slot.
	Slot func(*T) string
	// Position is where the filter is; nil for [httpfilter.BeforeRouter].
	Position func(*T) httpfilter.Position
	// Config is the configuration of the filter in the connection manager.
	Config func(*T) (proto.Message, error)
	// PerRoute returns the setting for the routes of the targets. If it is nil, or returns nil, the
	// setting is [httpfilter.Enable].
	PerRoute func(*T) (proto.Message, error)
	// Upstream reports whether the filter is an upstream HTTP filter of the clusters to which the
	// requests of the targets lead, directly before the codec, instead of a filter in the
	// connection managers; nil means never. If routes with different policies lead to one cluster,
	// each policy gets its own copy.
	Upstream func(*T) bool
	// EDSInitialFetchTimeout is how long Envoy waits for the endpoints of a cluster with an upstream
	// filter; 0 leaves Envoy's default.
	EDSInitialFetchTimeout time.Duration
	// Describe returns what an effective policy does, and to how many routes.
	Describe func(p *T, routes int) string
}

// Feature returns the feature.
func (p FilterPolicy[T]) Feature() mutator.Feature {
	f := &filterPolicy[T]{FilterPolicy: p}
	f.kind = policy.NewKind(p.Kind, f.validate)
	feature := f.feature()
	feature.Err = missing("FilterPolicy", p.Name, p.Kind, required{"Targets", p.Targets != nil}, required{"Config", p.Config != nil},
		required{"Describe", p.Describe != nil})
	feature.Policies = []policy.Kind{f.kind}
	return feature
}

// filterPolicy implements the feature.
type filterPolicy[T any] struct {
	FilterPolicy[T]
	kind     policy.Kind
	isOfRule bool // whether custom resources are filters of rules, see [Filter]
}

// feature returns the feature without its custom resources.
func (p *filterPolicy[T]) feature() mutator.Feature {
	feature := mutator.Feature{
		Name:                p.Name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		FailurePolicy:       p.OnFailure,
		Routes:              enabled[T]{p},
		Listeners:           inserted[T]{p},
		RouteConfigurations: enabledHosts[T]{p},
		Reporter: Reporter{
			Kind: p.Kind, OnFailure: p.OnFailure, Targets: p.targets, Describe: p.describe,
			NoTarget: "no listener of any target has a route", Failure: p.failure,
			Denied: func(in *mutator.Input) map[string]*policy.Object { return p.chains(in).past },
		},
	}
	if p.Upstream != nil {
		feature.ClusterVariants = upstream[T]{p}
	}
	return withoutRoutes(p.TargetKinds, feature)
}

func (p *filterPolicy[T]) validate(t *T) field.ErrorList {
	return validate(t, p.Targets, p.TargetKinds, p.Validate)
}

func (p *filterPolicy[T]) denies(o *policy.Object) bool {
	return OnFailure(o, p.OnFailure) == mutator.Deny
}

// filterName returns the name of a policy's filter in Envoy. It matches no kind in Envoy Gateway's
// filter order.
func (p *filterPolicy[T]) filterName(o *policy.Object) string {
	return p.namePrefix() + o.Namespace + "/" + o.Name
}

func (p *filterPolicy[T]) namePrefix() string { return xds.MetadataNamespace + "/" + p.Name + "/" }

func (p *filterPolicy[T]) position(t *T) httpfilter.Position {
	if p.Position == nil {
		return httpfilter.BeforeRouter()
	}
	return p.Position(t)
}

// isUpstream reports whether a policy is valid and its filter is an upstream HTTP filter.
func (p *filterPolicy[T]) isUpstream(o *policy.Object) bool {
	t := policy.As[T](o)
	return p.Upstream != nil && t != nil && o.Err == nil && p.Upstream(t)
}

// set sets the setting of a policy's filter for the routes of the targets. An upstream filter needs
// no setting to be enabled.
func (p *filterPolicy[T]) set(settings *httpfilter.Settings, o *policy.Object) error {
	setting, err := perRoute(policy.As[T](o), p.PerRoute)
	switch {
	case err != nil:
		return err
	case setting == nil && p.isUpstream(o):
		return nil
	case setting == nil:
		setting = httpfilter.Enable()
	}
	return httpfilter.Set(settings, p.filterName(o), setting)
}

// perRoute returns the setting of a filter on routes, or nil if it has none of its own.
func perRoute[T any](t *T, of func(*T) (proto.Message, error)) (proto.Message, error) {
	if of == nil {
		return nil, nil
	}
	return of(t)
}

// slotOf returns the slot of a policy with known content.
func (p *filterPolicy[T]) slotOf(o *policy.Object) string {
	t := policy.As[T](o)
	if t == nil || p.isOfRule { // unreadable policies and filters of a rule override nothing
		return o.Namespace + "//" + o.Name
	}
	if p.Slot == nil {
		return o.Namespace
	}
	return o.Namespace + "/" + p.Slot(t)
}

// slots groups the policies that are attached to one target by slot. In each slot, the policy with
// precedence is first. The slots are in the order of their first policies.
func (p *filterPolicy[T]) slots(found []policy.Attachment) (slots [][]policy.Attachment) {
	index := map[string]int{}
	for _, a := range found {
		key := p.slotOf(a.Object)
		i, there := index[key]
		if !there {
			i = len(slots)
			index[key], slots = i, append(slots, nil)
		}
		slots[i] = append(slots[i], a)
	}
	return slots
}

// join adds the policies of a route, by slot, to the policies of its listeners.
func (p *filterPolicy[T]) join(of, own [][]policy.Attachment) [][]policy.Attachment {
	out := make([][]policy.Attachment, 0, len(of)+len(own))
	for _, g := range of {
		out = append(out, g[:len(g):len(g)])
	}
	for _, g := range own {
		i := p.indexOf(of, g)
		if i < 0 {
			out = append(out, g)
			continue
		}
		out[i] = append(out[i], g...)
		policy.Sort(out[i])
	}
	return out
}

// indexOf returns the index of the slot that a group belongs to, or -1.
func (p *filterPolicy[T]) indexOf(slots [][]policy.Attachment, g []policy.Attachment) int {
	key := p.slotOf(g[0].Object)
	for i, s := range slots {
		for _, a := range s {
			if a.Content() != nil && p.slotOf(a.Object) == key {
				return i
			}
		}
	}
	return -1
}

// ofRoute returns the policies that the Route hook added to a route, by slot.
func (p *filterPolicy[T]) ofRoute(in *mutator.Input, entries []xds.MetadataEntry) (groups [][]policy.Attachment) {
	for _, m := range entries {
		groups = append(groups, mutator.DecodeAttachedGroups(in, p.kind, m)...)
	}
	return groups
}
