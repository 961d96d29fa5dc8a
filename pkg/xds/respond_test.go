package xds_test

import (
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

func everything() *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
}

func TestDirectResponse(t *testing.T) {
	for name, c := range map[string]struct {
		status    uint32
		body, err string
		want      string
	}{
		"with a body":  {503, "offline\n", "", `{"status": 503, "body": {"inlineString": "offline\n"}}`},
		"without one":  {204, "", "", `{"status": 204}`},
		"largest body": {200, strings.Repeat("a", 4096), "", `{"status": 200, "body": {"inlineString": "` + strings.Repeat("a", 4096) + `"}}`},
		"larger":       {200, strings.Repeat("a", 4097), `direct response "r": the body has 4097 bytes, more than the 4096 that Envoy accepts`, ""},
		"no status":    {99, "", `direct response "r": invalid Route.DirectResponse: embedded message failed validation | caused by: invalid DirectResponseAction.Status: value must be inside range [200, 600)`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := xds.DirectResponse("r", everything(), c.status, c.body)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			want := &routev3.Route{}
			require.NoError(t, protojson.Unmarshal([]byte(`{"name": "r", "match": {"prefix": "/"}, "directResponse": `+c.want+`}`), want))
			require.True(t, proto.Equal(want, r), protojson.Format(r))
		})
	}
	_, err := xds.DirectResponse("", everything(), 200, "")
	require.EqualError(t, err, "direct response: a route needs a name")
	_, err = xds.DirectResponse("r", nil, 200, "")
	require.ErrorContains(t, err, "Route.Match")
}

func TestRedirect(t *testing.T) {
	for to, c := range map[string]struct {
		status    int
		want, err string
	}{
		"https://example.com:8443/new?a=b": {308, `{"schemeRedirect": "https", "hostRedirect": "example.com", "portRedirect": 8443, "pathRedirect": "/new?a=b", "responseCode": "PERMANENT_REDIRECT"}`, ""},
		"https://example.com":              {301, `{"schemeRedirect": "https", "hostRedirect": "example.com"}`, ""},
		"https:":                           {302, `{"schemeRedirect": "https", "responseCode": "FOUND"}`, ""},
		"/login":                           {303, `{"pathRedirect": "/login", "responseCode": "SEE_OTHER"}`, ""},
		"//example.com":                    {307, `{"hostRedirect": "example.com", "responseCode": "TEMPORARY_REDIRECT"}`, ""},
		"/":                                {200, "", `redirect "r": status 200 is not one of 301, 302, 303, 307 and 308`},
		"https://a@example.com":            {301, "", `redirect "r": "https://a@example.com" has more than a scheme, host, port, path and query`},
		"/#a":                              {301, "", `redirect "r": "/#a" has more than a scheme, host, port, path and query`},
		"https://example.com:99999":        {301, "", `redirect "r": port: strconv.ParseUint: parsing "99999": value out of range`},
		"http://[":                         {301, "", `redirect "r": parse "http://[": missing ']' in host`},
	} {
		t.Run(to, func(t *testing.T) {
			r, err := xds.Redirect("r", everything(), to, c.status)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			want := &routev3.Route{}
			require.NoError(t, protojson.Unmarshal([]byte(`{"name": "r", "match": {"prefix": "/"}, "redirect": `+c.want+`}`), want))
			require.True(t, proto.Equal(want, r), protojson.Format(r))
		})
	}
}

func TestRoutesOfAVirtualHost(t *testing.T) {
	vh := &routev3.VirtualHost{Routes: []*routev3.Route{{Name: "a"}, {Name: "b"}}}
	names := func() (out []string) {
		for _, r := range vh.GetRoutes() {
			out = append(out, r.GetName())
		}
		return out
	}
	for range 2 {
		xds.PrependRoute(vh, &routev3.Route{Name: "first"})
		xds.AppendRoute(vh, &routev3.Route{Name: "last"})
		require.Equal(t, []string{"first", "a", "b", "last"}, names())
	}
	xds.AppendRoute(vh, &routev3.Route{Name: "first"})
	require.Equal(t, []string{"a", "b", "last", "first"}, names())
}
