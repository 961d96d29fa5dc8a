//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// networksListener has a filter that takes the destination from the request.
const networksListener = `
name: networks
address: {socketAddress: {address: 127.0.0.1, portValue: 10080}}
filterChains:
- filters:
  - name: envoy.filters.network.http_connection_manager
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      statPrefix: http
      rds: {routeConfigName: networks, configSource: {ads: {}, resourceApiVersion: V3}}
      httpFilters:
      - name: chooser
        typedConfig:
          '@type': type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config
          requestRules: [{header: x-wanted, onHeaderPresent: {metadataNamespace: egraft.io, key: destination, type: STRING}}]
      - name: envoy.filters.http.router
        typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`

// documentedSpecial returns the networks that must be listed explicitly according to the
// documentation.
func documentedSpecial(t *testing.T) (out []netip.Prefix) {
	t.Helper()
	page, err := os.ReadFile("../docs/original-destination-backend.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(page), "## Special networks\n")
	section, _, _ = strings.Cut(section, "\n\n") // the paragraph with the list
	for _, m := range regexp.MustCompile("`([0-9a-f.:/]+)`").FindAllStringSubmatch(section, -1) {
		p, err := netip.ParsePrefix(m[1])
		if err != nil {
			a, err := netip.ParseAddr(m[1])
			require.NoError(t, err)
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	require.Greater(t, len(out), 20)
	return out
}

// TestOriginalDestinationNetworks compares what Envoy allows with the documentation, for many lists
// of networks, and addresses at and next to their ends.
func TestOriginalDestinationNetworks(t *testing.T) {
	needs(t, here)
	special, random := documentedSpecial(t), rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for a test
	lists := [][]netip.Prefix{
		{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("127.0.0.2/32"), netip.MustParsePrefix("::1/128")},
		{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("::/96")},
	}
	for range 40 {
		lists = append(lists, randomNetworks(random, special))
	}
	envoyWith(t, lists)
	client := &http.Client{}
	for i, named := range lists {
		for _, a := range addressesOf(random, slices.Concat(named, special)) {
			want := http.StatusForbidden
			if documentedAllow(named, special, a) {
				want = http.StatusOK
			}
			require.Equal(t, want, wantedOf(t, client, i, netip.AddrPortFrom(a, 80).String()), "%s of %s", a, named)
		}
	}
}

// documentedAllow is the documented rule: the smallest network decides.
func documentedAllow(named, special []netip.Prefix, a netip.Addr) (allowed bool) {
	longest := -1
	for _, p := range special {
		if p.Contains(a) && p.Bits() > longest {
			longest = p.Bits()
		}
	}
	return slices.ContainsFunc(named, func(p netip.Prefix) bool { return p.Contains(a) && p.Bits() >= longest }) && !a.Is4In6()
}

// randomNetworks returns networks around, at and in special ones, and anywhere.
func randomNetworks(random *rand.Rand, special []netip.Prefix) (out []netip.Prefix) {
	for range 1 + random.IntN(8) {
		p := special[random.IntN(len(special))]
		a, bits := p.Addr(), p.Bits()
		switch random.IntN(4) {
		case 0:
			bits = random.IntN(bits + 1)
		case 1:
			bits += random.IntN(a.BitLen() - bits + 1)
		case 2:
			bytes := a.AsSlice()
			bytes[random.IntN(len(bytes))] = byte(random.IntN(256))
			a, _ = netip.AddrFromSlice(bytes)
			bits = random.IntN(a.BitLen() + 1)
		}
		if p := netip.PrefixFrom(a, bits).Masked(); !p.Addr().Is4In6() {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return randomNetworks(random, special)
	}
	return out
}

// addressesOf returns the ends of networks, adjacent addresses, and some others.
func addressesOf(random *rand.Rand, networks []netip.Prefix) (out []netip.Addr) {
	for _, p := range networks {
		first := p.Masked().Addr()
		bytes := first.AsSlice()
		for bit := p.Bits(); bit < first.BitLen(); bit++ {
			bytes[bit/8] |= 0x80 >> (bit % 8)
		}
		last, _ := netip.AddrFromSlice(bytes)
		out = append(out, first, last, first.Prev(), last.Next())
		bytes[random.IntN(len(bytes))] ^= byte(random.IntN(256))
		other, _ := netip.AddrFromSlice(bytes)
		out = append(out, other)
	}
	return slices.DeleteFunc(out, func(a netip.Addr) bool { return !a.IsValid() })
}

// envoyWith starts an Envoy with a route for each list. Envoy responds itself.
func envoyWith(t *testing.T, lists [][]netip.Prefix) {
	t.Helper()
	e, err := engine.New(catalog.Builtin(catalog.Options{AllowSpecialDestinations: true}))
	require.NoError(t, err)
	run := func(c *engine.Call) [][]byte {
		res, err := e.Run(t.Context(), c)
		require.NoError(t, err)
		for _, o := range res.Outcomes {
			require.NoError(t, o.Err)
		}
		return res.Resources[len(res.Resources)-1].Encoded
	}
	rc := &routev3.RouteConfiguration{Name: "networks", VirtualHosts: []*routev3.VirtualHost{{Name: "networks", Domains: []string{"*"}}}}
	for i, named := range lists {
		list, err := json.Marshal(named)
		require.NoError(t, err)
		raw, err := proto.Marshal(&routev3.Route{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: fmt.Sprintf("/%d", i)}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "networks"}}},
		})
		require.NoError(t, err)
		object := fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"OriginalDestinationBackend","metadata":{"namespace":"default","name":"list-%d"},"spec":{"allowedCIDRs":%s}}`, i, list)
		r := &routev3.Route{}
		require.NoError(t, proto.Unmarshal(run(&engine.Call{
			Hook: mutator.HookRoute, Objects: [][]byte{object}, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}},
		})[0], r))
		rc.VirtualHosts[0].Routes = append(rc.VirtualHosts[0].Routes, r)
	}
	encoded, err := proto.Marshal(rc)
	require.NoError(t, err)
	l := &listenerv3.Listener{}
	text, err := yaml.YAMLToJSON([]byte(networksListener))
	require.NoError(t, err)
	require.NoError(t, protojson.Unmarshal(text, l))
	raw, err := proto.Marshal(l)
	require.NoError(t, err)
	l.Reset()
	require.NoError(t, proto.Unmarshal(run(&engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encoded}}, {Kind: mutator.KindListener, Encoded: [][]byte{raw}},
	}})[0], l))
	for _, r := range rc.GetVirtualHosts()[0].GetRoutes() {
		r.Metadata = nil
		r.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: http.StatusOK}}
	}
	for _, fc := range xds.FilterChains(l) {
		_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
			hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}
			return true, nil
		})
		require.NoError(t, err)
	}
	startEnvoyWith(t, l)
}

func startEnvoyWith(t *testing.T, l *listenerv3.Listener) {
	t.Helper()
	listener, err := protojson.Marshal(l)
	require.NoError(t, err)
	dir := t.TempDir()
	config := filepath.Join(dir, "envoy.json")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `{"staticResources":{"listeners":[%s]}}`, listener), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "log"), 0o755))
	store, err := parts.NewStore(os.Stderr)
	require.NoError(t, err)
	program, err := store.Get(t.Context(), parts.Envoy) // TestMain has obtained it
	require.NoError(t, err)
	envoy := process.New(dir, "envoy", program, "--config-path", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
	require.NoError(t, envoy.Start())
	t.Cleanup(func() { _ = envoy.Stop() })
	require.Eventually(t, func() bool {
		response, err := http.Get("http://127.0.0.1:10080/none")
		return err == nil && response.Body.Close() == nil
	}, time.Minute, 100*time.Millisecond)
}

// wantedOf returns the status of the response for a destination on the route with a list.
func wantedOf(t *testing.T, client *http.Client, list int, destination string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:10080/%d", list), nil)
	require.NoError(t, err)
	request.Header.Set("X-Wanted", destination)
	response, err := client.Do(request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
