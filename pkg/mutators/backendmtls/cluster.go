package backendmtls

import (
	"context"
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// clusters rewrites the TLS of the clusters that a policy reaches.
type clusters struct {
	endpointsFetchTimeout time.Duration
}

// Applies tells whether a policy reaches the cluster. The Cluster hook for custom
// backends knows nothing of policies; their clusters come with the translation too.
func (clusters) Applies(in *mutator.Input, c mutator.View) bool {
	if in.Hook != mutator.HookTranslation {
		return false
	}
	x := indexOf(in)
	return x.reaches && x.candidates(c.Name(), c.References) != nil
}

// Key stands for the policy that wins the cluster.
func (clusters) Key(in *mutator.Input, c mutator.View) string {
	return indexOf(in).candidates(c.Name(), c.References).key
}

// Bears is the policy that wins the cluster.
func (clusters) Bears(in *mutator.Input, c *clusterv3.Cluster) []*policy.Object {
	found := indexOf(in).candidates(c.GetName(), func() []xds.Reference { return xds.References(c.GetMetadata()) })
	if found == nil {
		return nil
	}
	return []*policy.Object{found.found[0].Object}
}

// Mutate applies the policy that wins.
func (m clusters) Mutate(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
	found := indexOf(in).candidates(c.GetName(), func() []xds.Reference { return xds.References(c.GetMetadata()) })
	if found == nil || treatedByMoreSpecific(c, found.found[0].Specificity) {
		return nil
	}
	s, err := spec(found.found[0].Object)
	if err != nil {
		return err
	}
	return m.apply(c, s, found.found[0])
}

// apply rewrites the cluster as the policy says.
func (m clusters) apply(c *clusterv3.Cluster, s *v1alpha1.BackendMTLSPolicySpec, by policy.Candidate) error {
	if s.PlaintextBackends != v1alpha1.PlaintextUpgrade { // which makes no difference
		encrypted, err := hasTLS(c)
		switch {
		case err != nil:
			return err
		case !encrypted && s.PlaintextBackends == v1alpha1.PlaintextLeave:
			return nil
		case !encrypted:
			setProvenance(c, by)
			return xds.DenyCluster(c)
		}
	}
	setProvenance(c, by)
	if err := xds.EditClusterTLS(c, editor(s, c)); err != nil {
		return err
	}
	if err := acceptByPeersAlone(c); err != nil {
		return err
	}
	xds.SetEndpointsFetchTimeout(c, m.endpointsFetchTimeout)
	return nil
}

// spec is the policy's content, and an error if it cannot be used.
func spec(o *policy.Object) (*v1alpha1.BackendMTLSPolicySpec, error) {
	if o.Err != nil {
		return nil, fmt.Errorf("%s: %w", o, o.Err)
	}
	p := policy.Typed[v1alpha1.BackendMTLSPolicy](o)
	if p == nil {
		return nil, fmt.Errorf("%s: not a policy of this kind", o)
	}
	return &p.Spec, nil
}

// hasTLS tells whether any endpoint of the cluster is spoken to by TLS.
func hasTLS(c *clusterv3.Cluster) (bool, error) {
	found := false
	err := xds.EditClusterTLS(c, func(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
		found = found || ctx != nil
		return nil, nil
	})
	return found, err
}

// editor returns the edit of a cluster's TLS contexts for a policy.
func editor(s *v1alpha1.BackendMTLSPolicySpec, c *clusterv3.Cluster) xds.EditTLS {
	return func(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
		switch {
		case ctx == nil && s.PlaintextBackends == v1alpha1.PlaintextLeave:
			return nil, nil
		case ctx == nil && s.PlaintextBackends == v1alpha1.PlaintextDeny:
			return requireURI(tlsContext(s, nobody()))
		case ctx == nil:
			fresh := tlsContext(s, matchers(s))
			fresh.CommonTlsContext.AlpnProtocols = alpn(c)
			return requireURI(fresh)
		case refusesAll(ctx): // by a pass before this one
			return nil, nil
		}
		secured := tlsContext(s, matchers(s))
		if err := keep(ctx, secured); err != nil {
			return nil, err
		}
		return requireURI(secured)
	}
}
