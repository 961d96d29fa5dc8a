package originaldestination

import (
	"context"
	"errors"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes configures the filters for routes with a backend, and adds the backend to the route
// metadata for the Translation hook, which has the listeners.
type routes struct{}

// Plan configures the filters if the route has a backend of the kind.
func (routes) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*routev3.Route] {
	backends := in.Objects.Of(gvk)
	if len(backends) == 0 {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:     func(_ context.Context, r *routev3.Route) error { return configure(in, backends, r) },
		CacheKey: new(keyOf(backends)),
	}
}

// errWeighted is about a rule with several backends: Envoy Gateway creates a cluster for each, but
// leaves out those without endpoints of its own.
var errWeighted = errors.New("the rule has other backends as well, so Envoy Gateway does not route to this one; use a rule for each")

// configure configures the filters of a route.
func configure(in *mutator.Input, backends []*policy.Object, r *routev3.Route) error {
	o, b, err := only(backends)
	switch {
	case err != nil:
		return err
	case r.GetRoute() == nil: // a redirect or a direct response
		return nil
	case r.GetRoute().GetWeightedClusters() != nil:
		return errWeighted
	}
	once(r.GetRoute())
	for name, m := range perRoute(b, ownerOf(r)) {
		if err := httpfilter.Set(&r.TypedPerFilterConfig, name, m); err != nil {
			return err
		}
	}
	entry, err := mutator.EncodeAttached(in, gvk, policy.Attachment{Object: o, Specificity: policy.ToRule}, nil)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), entry)
	mutator.Hold(gvk, r)
	return nil
}

// once keeps the router from sending a request again, whatever the virtual host configures: the
// cluster chooses the host for each attempt from metadata, which a script may have changed since.
// The cluster allows no retries either.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/config_impl.cc (buildRetryPolicy, buildHedgePolicy)
func once(a *routev3.RouteAction) {
	a.RetryPolicy, a.HedgePolicy = &routev3.RetryPolicy{}, &routev3.HedgePolicy{}
}

// ownerOf returns the HTTPRoute that Envoy Gateway made the route from.
func ownerOf(r *routev3.Route) string {
	for _, ref := range xds.References(r.GetMetadata()) {
		return ref.Kind + "/" + ref.Namespace + "/" + ref.Name
	}
	return ""
}
