package catalog_test

import (
	"path/filepath"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/xds"
)

// frontendPolicy is attached to the Gateway that ownedByGateway writes to virtual hosts.
const frontendPolicy = `{"apiVersion":"egraft.io/v1alpha1","kind":"FrontendMTLSPolicy","metadata":{"namespace":"default","name":"mtls"},"spec":{
	"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],
	"trustDomain":"example.org","workloadIdentifier":"/envoy",`

// TestGoldenWithFrontendPolicy runs all mutators on the output of Envoy Gateway's translator tests,
// with a policy on the Gateway: the result is valid, every filter chain with TLS and routes has the
// SVID, none accepts every workload, and a second pass changes nothing.
func TestGoldenWithFrontendPolicy(t *testing.T) {
	e := builtin(t)
	verified := 0
	for _, base := range goldenFiles(t) {
		call := readGolden(t, base)
		ownedByGateway(t, call)
		for mode, more := range map[string]string{
			"Required": `"clients":[{"exact":"spiffe://example.org/client"}]}}`,
			"Optional": `"clientCertificates":"Optional","trustBundleFormat":"CertificateAuthorities","allowAnyInTrustDomain":true}}`,
			"Disabled": `"clientCertificates":"Disabled","plaintextListeners":"Leave"}}`,
		} {
			t.Run(filepath.Base(base)+"/"+mode, func(t *testing.T) {
				call.Objects = [][]byte{[]byte(frontendPolicy + more)}
				res, err := e.Run(t.Context(), call)
				require.NoError(t, err)
				for _, o := range res.Outcomes {
					require.NoError(t, o.Err, "%s %s", o.Kind, o.Name)
				}
				verified += requireFrontend(t, res, mode)
				again := *call
				again.Resources = res.Resources
				second, err := e.Run(t.Context(), &again)
				require.NoError(t, err)
				requireSame(t, res.Resources, second.Resources)
			})
		}
	}
	require.Greater(t, verified, 50, "the golden files have dozens of listeners with TLS")
}

// requireFrontend checks the listeners and returns the number of filter chains that verify clients.
func requireFrontend(t *testing.T, res *engine.Response, mode string) (verified int) {
	t.Helper()
	for _, raw := range res.Resources[2].Encoded {
		l := &listenerv3.Listener{}
		require.NoError(t, proto.Unmarshal(raw, l))
		require.NoError(t, l.ValidateAll())
		for _, fc := range xds.FilterChains(l) {
			routes, first := "", ""
			_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
				routes, first = xds.RouteConfigurationOf(hcm), hcm.GetHttpFilters()[0].GetName()
				return false, nil
			})
			require.NoError(t, err)
			if routes == "" || xds.IsPlaintext(fc) || !hasHosts(t, res, routes) {
				continue
			}
			require.False(t, mode == "Required" && xds.IsQUIC(fc), "HTTP/3 has to be denied")
			require.NoError(t, xds.EditDownstreamTLS(fc, func(ctx *tlsv3.DownstreamTlsContext) error {
				common := ctx.GetCommonTlsContext()
				require.Len(t, common.GetTlsCertificateSdsSecretConfigs(), 1)
				require.Equal(t, "spiffe://example.org/envoy", common.GetTlsCertificateSdsSecretConfigs()[0].GetName())
				require.Equal(t, mode == "Required", ctx.GetRequireClientCertificate().GetValue())
				if common.GetValidationContextType() == nil {
					require.NotEqual(t, "Required", mode)
					return nil
				}
				verified++
				if mode == "Optional" {
					require.Equal(t, "spiffe://example.org", common.GetValidationContextSdsSecretConfig().GetName())
					require.Equal(t, "egraft.io/frontend-mtls-clients", first)
					return nil
				}
				sans := common.GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
				require.Len(t, sans, 1)
				require.Equal(t, tlsv3.SubjectAltNameMatcher_URI, sans[0].GetSanType())
				return nil
			}))
		}
	}
	return verified
}

// hasHosts reports whether a route configuration has a virtual host, which shows its owner, or is
// missing, so that every policy counts.
func hasHosts(t *testing.T, res *engine.Response, name string) bool {
	t.Helper()
	there := false
	for _, raw := range res.Resources[3].Encoded {
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(raw, rc))
		if rc.GetName() != name {
			continue
		}
		if len(rc.GetVirtualHosts()) > 0 {
			return true
		}
		there = true
	}
	return !there
}
