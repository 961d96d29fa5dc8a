package frontendmtls

import (
	"context"
	"fmt"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// gate is the name of an RBAC filter that lets everything pass unless a route says
// otherwise. It is in filter chains without TLS only, so that what the routes say has no
// effect on requests by TLS, should they ever share routes.
const gate = "egraft.io/frontend-mtls"

// addGate puts the gate in front of all HTTP filters.
func addGate(fc *listenerv3.FilterChain) error {
	open, err := xds.Any(&rbacv3.RBAC{})
	if err != nil {
		return err
	}
	filter := &hcmv3.HttpFilter{Name: gate, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: open}}
	_, err = xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		return xds.InsertFilter(hcm, filter, func(string) bool { return true })
	})
	return err
}

// configurations closes the gate on the routes of listeners whose policy denies plaintext, and
// denies all routes of listeners with a policy if no listeners came with the translation:
// whom they let in cannot be changed. Other listeners of the same port share the filter chain
// and the route configuration.
type configurations struct{}

// Applies tells whether a policy of one of the listeners refuses requests by its routes.
func (configurations) Applies(in *mutator.Input, rc mutator.View) bool {
	return in.Hook == mutator.HookTranslation && len(in.Objects.Of(gvk)) > 0 &&
		slices.ContainsFunc(indexOf(in).winners(rc.Name()), refuses(in))
}

// refuses tells whether a policy, nil for none, has requests refused by routes.
func refuses(in *mutator.Input) func(*policy.Object) bool {
	if in.Has(mutator.KindListener) {
		return deniesPlaintext
	}
	return func(o *policy.Object) bool { return o != nil }
}

// Key stands for the policies and the listeners of the configuration.
func (configurations) Key(in *mutator.Input, rc mutator.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t", in.Has(mutator.KindListener))
	for _, s := range indexOf(in).configurations[rc.Name()] {
		fmt.Fprintf(&b, "%q%t", s.listener.String(), refuses(in)(s.winner()))
	}
	return b.String()
}

func (s section) winner() *policy.Object {
	if len(s.found) == 0 {
		return nil
	}
	return s.found[0].Object
}

// Bears are the policies that have requests refused by the routes.
func (configurations) Bears(in *mutator.Input, rc *routev3.RouteConfiguration) []*policy.Object {
	return slices.DeleteFunc(indexOf(in).winners(rc.GetName()), func(o *policy.Object) bool { return !refuses(in)(o) })
}

// Mutate closes the gate on every route of such a listener but redirects, which lead to no
// backend: they are how clients find the listener with TLS.
func (configurations) Mutate(_ context.Context, in *mutator.Input, rc *routev3.RouteConfiguration) error {
	// A policy that allows nothing: https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/rbac/v3/rbac.proto
	closed, err := xds.Any(&rbacv3.RBACPerRoute{Rbac: &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{Action: rbacconfigv3.RBAC_ALLOW}}})
	if err != nil {
		return err
	}
	denied := map[xds.Reference]bool{}
	for _, s := range indexOf(in).configurations[rc.GetName()] {
		denied[s.listener] = refuses(in)(s.winner())
	}
	for _, vh := range rc.GetVirtualHosts() {
		if !slices.ContainsFunc(xds.ListenersOf(rc.GetName(), vh), func(r xds.Reference) bool { return denied[r] }) {
			continue
		}
		if !in.Has(mutator.KindListener) {
			if err := xds.DenyVirtualHost(vh); err != nil {
				return err
			}
			continue
		}
		for _, r := range vh.GetRoutes() {
			closeGate(r, closed)
		}
	}
	return nil
}

func closeGate(r *routev3.Route, closed *anypb.Any) {
	if r.GetRedirect() != nil {
		return
	}
	if r.TypedPerFilterConfig == nil {
		r.TypedPerFilterConfig = map[string]*anypb.Any{}
	}
	r.TypedPerFilterConfig[gate] = closed
}
