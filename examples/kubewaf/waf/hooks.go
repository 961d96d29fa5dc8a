package waf

import (
	"context"
	"errors"
	"fmt"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes stores the WAF of a route in its metadata, because Envoy Gateway sends the WAF only in the
// Route hook.
type routes struct{}

// Plan implements [mutator.Route].
func (routes) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	found := attached(in, r.References())
	o := effective(found)
	if o == nil {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{CacheKey: new(mutator.AttachedKey(found)), Edit: func(_ context.Context, r *routev3.Route) error {
		if o.Err != nil {
			return fmt.Errorf("%s: %w", o, o.Err)
		}
		entry, err := mutator.EncodeAttached(in, gvk, found[0], found[1:])
		if err != nil {
			return err
		}
		r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), entry)
		mutator.Hold(gvk, r)
		return enable(r, o)
	}}
}

// listeners inserts the filters into the connection managers whose routes have a WAF.
type listeners struct{}

// Plan implements [mutator.Listener].
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if len(inUse(in)) == 0 {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit: func(_ context.Context, l *listenerv3.Listener) error {
			need := func(configuration string) bool { return inUse(in)[configuration] != nil }
			return httpfilter.EachHCM(l, need, func(hcm *hcmv3.HttpConnectionManager) (changed bool, err error) {
				for _, o := range inUse(in)[xds.RouteConfigurationOf(hcm)] {
					for _, f := range filtersOf(o) {
						inserted, failed := httpfilter.Ensure(hcm, httpfilter.BeforeRouter(), f)
						changed, err = changed || inserted, errors.Join(err, failed)
					}
				}
				return changed, err
			})
		},
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			for _, configuration := range xds.RouteConfigurationsOf(l) {
				on = append(on, inUse(in)[configuration]...)
			}
			return on
		},
	}
}

// configurations enables the filters for the routes that have a WAF.
type configurations struct{}

// Plan implements [mutator.RouteConfiguration].
func (configurations) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	has := false
	for t := range targetsOf(in, rc.Name()) {
		has = has || effective(t.Attached) != nil
	}
	if !has {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{Edit: func(_ context.Context, rc *routev3.RouteConfiguration) error {
		for _, vh := range rc.GetVirtualHosts() {
			for _, r := range vh.GetRoutes() {
				if err := apply(in, r, xds.ListenersOf(rc.GetName(), vh)); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// apply applies the WAF of the route's listeners unless the Route hook applied one of its own.
func apply(in *mutator.Input, r *routev3.Route, listeners []xds.Reference) error {
	o := effective(attached(in, listeners, xds.MetadataEntries(r.GetMetadata())...))
	switch {
	case o == nil:
		return nil
	case o.Err != nil || !in.Has(mutator.KindListener):
		return xds.DenyRoute(r)
	}
	for filter := range r.GetTypedPerFilterConfig() {
		if strings.HasPrefix(filter, filterPrefix) {
			return nil
		}
	}
	return enable(r, o)
}

// enable enables the filters of a WAF on a route.
func enable(r *routev3.Route, o *policy.Object) (err error) {
	for _, f := range filtersOf(o) {
		err = errors.Join(err, httpfilter.Configure(r, f.GetName(), httpfilter.Enable()))
	}
	return err
}
