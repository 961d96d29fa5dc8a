package originaldestination

import (
	"context"
	"errors"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes configure the filters for routes with a backend, and leave the backend on them for
// the Translation hook, where the listeners are.
type routes struct{}

// Applies tells whether the route has a backend of the kind.
func (routes) Applies(in *mutator.Input, _ mutator.View) bool { return len(in.Objects.Of(gvk)) > 0 }

// Key stands for the backends.
func (routes) Key(in *mutator.Input, _ mutator.View) string { return keyOf(in.Objects.Of(gvk)) }

// errWeighted is about a cluster for each backend, of which Envoy Gateway leaves out those
// without endpoints of its own.
var errWeighted = errors.New("the rule has other backends, too, beside which Envoy Gateway does not route to this one; use a rule for each")

// Mutate configures the filters.
func (routes) Mutate(_ context.Context, in *mutator.Input, r *routev3.Route) error {
	o, b, err := only(in.Objects.Of(gvk))
	switch {
	case err != nil:
		return err
	case r.GetRoute() == nil: // a redirect or an answer of Envoy's own
		return nil
	case r.GetRoute().GetWeightedClusters() != nil:
		return errWeighted
	}
	if r.TypedPerFilterConfig == nil {
		r.TypedPerFilterConfig = map[string]*anypb.Any{}
	}
	once(r.GetRoute())
	for name, m := range perRoute(b, ownerOf(r)) {
		if r.TypedPerFilterConfig[name], err = xds.Any(m); err != nil {
			return err
		}
	}
	mark, err := mutator.Mark(in, gvk, policy.Candidate{Object: o, Specificity: policy.ToRule}, nil)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMark(r.GetMetadata(), mark)
	mutator.Hold(gvk, r)
	return nil
}

// once keeps the router from sending a request again, whatever the virtual host says: the
// cluster chooses the host anew each time, of metadata that a script may have changed since.
// The cluster allows no retries either.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/config_impl.cc (buildRetryPolicy, buildHedgePolicy)
func once(a *routev3.RouteAction) {
	a.RetryPolicy, a.HedgePolicy = &routev3.RetryPolicy{}, &routev3.HedgePolicy{}
}

// ownerOf is what the route was made of: an HTTPRoute.
func ownerOf(r *routev3.Route) string {
	for _, ref := range xds.References(r.GetMetadata()) {
		return ref.Kind + "/" + ref.Namespace + "/" + ref.Name
	}
	return ""
}
