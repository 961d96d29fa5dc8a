package frontendmtls

import (
	"errors"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

// The gates are RBAC filters that allow every request unless a route closes them. Only filter
// chains without TLS have them, so that the routes' settings never affect requests over TLS, even
// if both should share routes.
//
// The first gate keeps requests from all other filters. The last gate sees the route that the
// router uses. It can differ from the first gate's route, because a filter can change what Envoy
// selects routes by and make Envoy select again. The gates must not be disabled filters that routes
// enable: Envoy decides that at the start of a request, by the route at that time.
const (
	gate     = "egraft.io/frontend-mtls"
	lastGate = httpfilter.LastPrefix + "frontend-mtls"
)

// addGates inserts one gate before all HTTP filters, and one before the router.
func addGates(fc *listenerv3.FilterChain) error {
	before, err := httpfilter.New(gate, &rbacv3.RBAC{})
	if err != nil {
		return err
	}
	behind, err := httpfilter.New(lastGate, &rbacv3.RBAC{})
	if err != nil {
		return err
	}
	_, err = xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		first, err := httpfilter.Insert(hcm, httpfilter.First(), before)
		if err != nil {
			return false, err
		}
		last, err := httpfilter.Insert(hcm, httpfilter.Last(), behind)
		return first || last, err
	})
	return err
}

// closeGates closes the gates for a virtual host and all its routes except redirects. Redirects
// lead to no backend, and they send clients to the listener with TLS.
func closeGates(vh *routev3.VirtualHost) error {
	// A policy that allows nothing: https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/rbac/v3/rbac.proto
	closed := &rbacv3.RBACPerRoute{Rbac: &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{Action: rbacconfigv3.RBAC_ALLOW}}}
	if err := setGates(&vh.TypedPerFilterConfig, closed); err != nil {
		return err
	}
	for _, r := range vh.GetRoutes() {
		if r.GetRedirect() == nil {
			continue
		}
		if err := setGates(&r.TypedPerFilterConfig, &rbacv3.RBACPerRoute{}); err != nil {
			return err
		}
	}
	return nil
}

func setGates(settings *httpfilter.Settings, to *rbacv3.RBACPerRoute) error {
	return errors.Join(httpfilter.Set(settings, gate, to), httpfilter.Set(settings, lastGate, to))
}
