package xds

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// maxResponseBody is Envoy's limit for the body of a direct response, unless the route
// configuration sets another one.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/route/v3/route.proto#envoy-v3-api-field-config-route-v3-routeconfiguration-max-direct-response-body-size-bytes
const maxResponseBody = 4096

// DirectResponse returns a route for which Envoy itself responds, with a body of at most 4096 bytes.
// See [PrependRoute].
func DirectResponse(name string, match *routev3.RouteMatch, status uint32, body string) (*routev3.Route, error) {
	if len(body) > maxResponseBody {
		return nil, fmt.Errorf("direct response %q: the body has %d bytes, more than the %d that Envoy accepts", name, len(body), maxResponseBody)
	}
	response := &routev3.DirectResponseAction{Status: status}
	if body != "" {
		response.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: body}}
	}
	return checked("direct response", &routev3.Route{Name: name, Match: match, Action: &routev3.Route_DirectResponse{DirectResponse: response}})
}

// redirectCodes are the status codes that Envoy supports for redirects.
var redirectCodes = map[int]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// Redirect returns a route for which Envoy redirects to a URL such as https://example.com/new, with
// status 301, 302, 303, 307 or 308. A scheme, host, port, or path with query that the URL lacks is
// taken from the request. See [PrependRoute].
func Redirect(name string, match *routev3.RouteMatch, to string, status int) (*routev3.Route, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("redirect %q: %w", name, err)
	}
	code, known := redirectCodes[status]
	if !known {
		return nil, fmt.Errorf("redirect %q: status %d is not one of 301, 302, 303, 307 and 308", name, status)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, fmt.Errorf("redirect %q: %q has more than a scheme, host, port, path and query", name, to)
	}
	redirect := &routev3.RedirectAction{HostRedirect: u.Hostname(), ResponseCode: code}
	if u.Scheme != "" {
		redirect.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: u.Scheme}
	}
	if path := u.RequestURI(); u.Path != "" || u.RawQuery != "" {
		redirect.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: path}
	}
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("redirect %q: port: %w", name, err)
		}
		redirect.PortRedirect = uint32(port)
	}
	return checked("redirect", &routev3.Route{Name: name, Match: match, Action: &routev3.Route_Redirect{Redirect: redirect}})
}

func checked(what string, r *routev3.Route) (*routev3.Route, error) {
	if r.GetName() == "" {
		return nil, fmt.Errorf("%s: a route needs a name", what)
	}
	if err := r.ValidateAll(); err != nil {
		return nil, fmt.Errorf("%s %q: %w", what, r.GetName(), err)
	}
	return r, nil
}

// PrependRoute makes a route the first of a virtual host, so that it has precedence over all others.
// It removes a route with the same name.
func PrependRoute(vh *routev3.VirtualHost, r *routev3.Route) {
	vh.Routes = slices.Insert(without(vh, r), 0, r)
}

// AppendRoute makes a route the last of a virtual host, for requests that no other route matches. It
// removes a route with the same name.
func AppendRoute(vh *routev3.VirtualHost, r *routev3.Route) { vh.Routes = append(without(vh, r), r) }

func without(vh *routev3.VirtualHost, r *routev3.Route) []*routev3.Route {
	return slices.DeleteFunc(vh.GetRoutes(), func(there *routev3.Route) bool { return there.GetName() == r.GetName() })
}
