package frontendmtls

import (
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// TestClientsOfNobody: an empty list of clients is an error. Without matchers, Envoy would admit
// every client of the trust domain or, if certificates are optional, only those without one.
func TestClientsOfNobody(t *testing.T) {
	for _, optional := range []bool{false, true} {
		hcm := &hcmv3.HttpConnectionManager{HttpFilters: []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router"}}}
		require.ErrorIs(t, authorizeClients(hcm, nil, optional), spiffe.ErrNoURIMatcher)
		require.Len(t, hcm.GetHttpFilters(), 1)
	}
}

// TestClientsWithoutARouter: a missing router is an error, because nothing follows the filter.
func TestClientsWithoutARouter(t *testing.T) {
	require.Error(t, authorizeClients(&hcmv3.HttpConnectionManager{}, spiffe.Matchers(nil, []v1alpha1.TrustDomain{"example.org"}), false))
}
