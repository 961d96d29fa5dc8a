package buffer

import (
	"context"
	"errors"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// listeners puts the filter into the HTTP connection managers whose routes need it.
type listeners struct{}

type needKey struct{}

// need says which route configurations need the filter.
type need struct {
	configurations map[string]bool
	key            string
	onFailure      mutator.FailurePolicy
	// unknown are policies that demand to deny, if it is not known which routes they are for.
	unknown []*policy.Object
}

func needOf(in *mutator.Input) *need { return mutator.ComputeOnce(in, needKey{}, newNeed) }

func newNeed(in *mutator.Input) *need {
	n := &need{configurations: map[string]bool{}, onFailure: mutator.Ignore}
	if len(in.Routes().Configurations()) == 0 {
		for _, o := range in.Objects.Of(gvk) {
			if denies(o) {
				n.unknown, n.onFailure, n.key = append(n.unknown, o), mutator.Deny, "routes not included"
			}
		}
	}
	for _, name := range in.Routes().Configurations() {
		for _, found := range groups(in, in.Routes().Configuration(name)) {
			w := winner(found)
			if !buffers(w) {
				continue
			}
			n.configurations[name] = true
			if denies(w.Object) {
				n.onFailure = mutator.Deny
			}
		}
		if n.configurations[name] {
			n.key += name + "\x00"
		}
	}
	return n
}

// groups are the policies of each listener and of each marked route, the closest first.
func groups(in *mutator.Input, o *xds.Referrers) (all [][]policy.Attachment) {
	for _, l := range o.Listeners() {
		all = append(all, attached(in, l))
	}
	for _, m := range o.MetadataEntries() {
		all = append(all, mutator.DecodeAttached(in, kind(), m))
	}
	return all
}

// Plan inserts the filter if any route configuration needs it: which of them are the listener's is
// not to be seen without decoding it. The failure policy is Deny if any of the policies that need
// the filter says so: without the filter none of them is in effect.
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	n := needOf(in)
	if len(n.configurations) == 0 && n.unknown == nil {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(_ context.Context, l *listenerv3.Listener) error { return n.insert(l) },
		CacheKey:  &n.key,
		OnFailure: n.onFailure,
		Affected:  func(l *listenerv3.Listener) []*policy.Object { return n.of(in, l) },
	}
}

// of are the policies that need the filter in a listener.
func (n *need) of(in *mutator.Input, l *listenerv3.Listener) (on []*policy.Object) {
	if n.unknown != nil {
		return n.unknown
	}
	for _, name := range xds.RouteConfigurationsOf(l) {
		if o := in.Routes().Configuration(name); o != nil {
			for _, found := range groups(in, o) {
				if w := winner(found); buffers(w) {
					on = append(on, w.Object)
				}
			}
		}
	}
	return on
}

// insert adds the filter where Envoy Gateway has it, once: behind authentication above all, so
// that nobody unknown makes Envoy hold bodies. It is switched off where no route is found: see
// [setDefault].
func (n *need) insert(l *listenerv3.Listener) error {
	if n.unknown != nil {
		return refuseUnknown(l)
	}
	// Its own limit is never in effect, but there has to be one.
	filter, err := httpfilter.New(filterName, &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(maxBytes)})
	if err != nil {
		return err
	}
	filter.Disabled = true
	needed := func(routeConfiguration string) bool { return n.configurations[routeConfiguration] }
	return httpfilter.EachHCM(l, needed, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		return httpfilter.Ensure(hcm, httpfilter.At(httpfilter.Buffer), filter)
	})
}

// errNoRoutes is why listeners are denied whose routes did not come with the translation: which of
// them a policy is for that demands to deny is not known.
var errNoRoutes = errors.New(mutator.NotIncluded(mutator.KindRouteConfiguration))

// refuseUnknown is an error for a listener that asks for its routes.
func refuseUnknown(l *listenerv3.Listener) error {
	if slices.ContainsFunc(xds.RouteConfigurationsOf(l), func(name string) bool { return name != "" }) {
		return errNoRoutes
	}
	return nil
}
