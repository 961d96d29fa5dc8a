package backendmtls

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	edsInitialFetchTimeout time.Duration
}

// Plan applies the policy that is for all requests to the cluster. The Cluster hook for custom
// backends knows nothing of policies; their clusters come with the translation too.
func (m clusters) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	x := indexOf(in)
	if !x.reaches {
		return nil
	}
	found := x.inPlace(c.Name(), c.References)
	if found == nil {
		return nil
	}
	return m.plans(in)[found]
}

// errNoRoutes is why the clusters of a translation are denied: whose they are is not known.
var errNoRoutes = errors.New(mutator.NotIncluded(mutator.KindRouteConfiguration))

type plansKey struct{}

// plans are those for the clusters of each way, which are thousands to one.
func (m clusters) plans(in *mutator.Input) map[*way]*mutator.Plan[*clusterv3.Cluster] {
	return mutator.ComputeOnce(in, plansKey{}, func(in *mutator.Input) map[*way]*mutator.Plan[*clusterv3.Cluster] {
		x, out := indexOf(in), map[*way]*mutator.Plan[*clusterv3.Cluster]{}
		if x.anywhere != nil {
			out[x.anywhere] = x.anywhere.plan(func(*clusterv3.Cluster) error { return errNoRoutes })
		}
		for _, w := range x.order {
			if w.winner() != nil {
				out[w] = w.plan(func(c *clusterv3.Cluster) error { return m.edit(c, w.found[0]) })
			}
		}
		return out
	})
}

// plan is an edit on behalf of the policy that wins the way.
func (w *way) plan(edit func(*clusterv3.Cluster) error) *mutator.Plan[*clusterv3.Cluster] {
	return &mutator.Plan[*clusterv3.Cluster]{
		Edit:     func(_ context.Context, c *clusterv3.Cluster) error { return edit(c) },
		CacheKey: &w.key,
		Affected: func(*clusterv3.Cluster) []*policy.Object { return []*policy.Object{w.winner()} },
	}
}

// edit applies a policy to a cluster, unless a pass before this one applied a closer one.
func (m clusters) edit(c *clusterv3.Cluster, by policy.Attachment) error {
	if treated, err := treatedByMoreSpecific(c, by.Specificity); err != nil || treated || xds.IsDenied(c) {
		return err
	}
	s, err := spec(by.Object)
	if err != nil {
		return err
	}
	return m.apply(c, s, by)
}

// apply rewrites the cluster as the policy says.
func (m clusters) apply(c *clusterv3.Cluster, s *v1alpha1.BackendMTLSPolicySpec, by policy.Attachment) error {
	encrypted, err := xds.HasTLS(c)
	switch {
	case err != nil:
		return err
	case !encrypted && s.PlaintextBackends == v1alpha1.PlaintextLeave:
		return nil
	}
	setProvenance(c, by)
	if !encrypted && s.PlaintextBackends == v1alpha1.PlaintextDeny {
		return xds.DenyCluster(c)
	}
	if err := xds.EditClusterTLS(c, editor(s, c)); err != nil {
		return err
	}
	if err := acceptByPeersAlone(c); err != nil {
		return err
	}
	m.activate(c, by.Object, encrypted)
	return nil
}

// newClusterFetchTimeout is how long Envoy waits for the endpoints of a cluster with a new name.
// Nobody sends them, since it has them under the name of the cluster that was there before; until
// it has waited, requests are answered with 503.
const newClusterFetchTimeout = 50 * time.Millisecond

// activate lets the cluster take effect. One that was in cleartext gets a new name, because Envoy
// goes on with the old cluster if it rejects the new one.
func (m clusters) activate(c *clusterv3.Cluster, by *policy.Object, encrypted bool) {
	if !encrypted && !strings.HasPrefix(c.GetName(), copyPrefix) {
		rename(c, by)
	}
	if strings.HasPrefix(c.GetName(), copyPrefix) {
		xds.SetEDSInitialFetchTimeout(c, newClusterFetchTimeout)
		return
	}
	xds.SetEDSInitialFetchTimeout(c, m.edsInitialFetchTimeout)
}

// rename gives the cluster the name of a copy, and leaves its endpoints and statistics under
// the name that it had.
func rename(c *clusterv3.Cluster, by *policy.Object) {
	if eds := c.GetEdsClusterConfig(); eds != nil && eds.GetServiceName() == "" {
		eds.ServiceName = c.GetName()
	}
	if c.GetAltStatName() == "" {
		c.AltStatName = c.GetName()
	}
	c.Name = copyName(c.GetName(), by)
}

// spec is the policy's content, and an error if it cannot be used.
func spec(o *policy.Object) (*v1alpha1.BackendMTLSPolicySpec, error) {
	if o.Err != nil {
		return nil, fmt.Errorf("%s: %w", o, o.Err)
	}
	p := policy.As[v1alpha1.BackendMTLSPolicy](o)
	if p == nil {
		return nil, fmt.Errorf("%s: not a policy of this kind", o)
	}
	return &p.Spec, nil
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
