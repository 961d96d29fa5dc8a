package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// TestBoundsAreThoseOfPolicies: an operator can permit exactly what policies can have.
func TestBoundsAreThoseOfPolicies(t *testing.T) {
	policy := func(peers int, timeout gwapiv1.Duration) (spiffe.Fields, error) {
		exact := "spiffe://example.org/x"
		f := spiffe.Fields{
			TrustDomain: "example.org", WorkloadIdentifier: "/x", TrustBundles: new([]v1alpha1.TrustDomain), Agent: &v1alpha1.SPIREAgent{},
			InitialFetchTimeout: &timeout, PeersField: "peers",
		}
		for range peers {
			f.Peers = append(f.Peers, v1alpha1.SPIFFEIDMatch{Exact: &exact})
		}
		errs := f.ValidateShape(field.NewPath("spec"))
		f.SetDefaults()
		return f, append(errs, f.Validate(field.NewPath("spec"))...).ToAggregate()
	}
	most, err := policy(mostPeers, gwapiv1.Duration(strings.TrimSuffix(mostFetchTimeout.String(), "0s")))
	require.NoError(t, err)
	require.Equal(t, mostFetchTimeout, most.Source().FetchTimeout)
	_, err = policy(mostPeers+1, "")
	require.EqualError(t, err, "spec.peers: Too many: 65: must have at most 64 items")
	_, err = policy(1, "1m1ms")
	require.EqualError(t, err, `spec.initialFetchTimeout: Invalid value: "1m1ms": must be a duration between 100ms and 60s`)
	least, err := policy(1, "")
	require.NoError(t, err)
	require.Equal(t, leastFetchTimeout, least.Source().FetchTimeout)
}
