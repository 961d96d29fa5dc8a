package backendmtls

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// edit rewrites the TLS of a cluster for the policy. A cleartext cluster is replaced, because Envoy
// keeps the old cluster if it rejects the new one.
func edit(p *v1alpha1.BackendMTLSPolicy, c *clusterv3.Cluster) (attach.Change, error) {
	s := &p.Spec
	encrypted, err := xds.HasTLS(c)
	switch {
	case err != nil:
		return attach.Unmodified, err
	case !encrypted && s.PlaintextBackends == v1alpha1.PlaintextLeave:
		return attach.Unmodified, nil
	case !encrypted && s.PlaintextBackends == v1alpha1.PlaintextDeny:
		return attach.Modified, xds.DenyCluster(c)
	}
	if err := xds.EditClusterTLS(c, editor(s, c)); err != nil {
		return attach.Unmodified, err
	}
	if err := acceptByPeersAlone(c); err != nil {
		return attach.Unmodified, err
	}
	if encrypted {
		return attach.Modified, nil
	}
	return attach.Replaced, nil
}

// requiresURI reports whether the cluster uses TLS and every TLS context accepts peers by URI only,
// as it does after a policy's edit.
func requiresURI(c *clusterv3.Cluster) (bool, error) {
	contexts, required := 0, 0
	err := xds.EditClusterTLS(proto.CloneOf(c), func(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
		if ctx != nil {
			contexts++
			if spiffe.RequireURI(ctx.GetCommonTlsContext()) == nil {
				required++
			}
		}
		return nil, nil
	})
	return contexts > 0 && contexts == required, err
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
		case rejectsAll(ctx): // by an earlier pass
			return nil, nil
		}
		secured := tlsContext(s, matchers(s))
		if err := keep(ctx, secured); err != nil {
			return nil, err
		}
		return requireURI(secured)
	}
}
