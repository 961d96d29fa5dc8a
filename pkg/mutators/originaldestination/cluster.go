package originaldestination

import (
	"context"
	"errors"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// systemCAs is where Envoy's images have the certificates of the system, as Envoy Gateway
// assumes, too.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/cluster.go
const systemCAs = "/etc/ssl/certs/ca-certificates.crt"

// clusters make those of a backend lead to the destination of each request.
type clusters struct{}

// errNoListeners is why the cluster of a translation is denied.
var errNoListeners = errors.New(mutator.NotIncluded(mutator.KindListener) + ", so that the filters are missing")

// Applies tells whether the cluster has a backend of the kind, and in a translation whether one
// leads there past the filters, which could not be put in.
func (clusters) Applies(in *mutator.Input, c mutator.View) bool {
	if in.Hook == mutator.HookTranslation {
		return !in.Has(mutator.KindListener) && len(marked(in, in.Reach().Of(c.Name()))) > 0
	}
	return len(in.Objects.Of(gvk)) > 0
}

// Key stands for the backends. In a translation there are none, and it is refused in any case.
func (clusters) Key(in *mutator.Input, _ mutator.View) string { return keyOf(in.Objects.Of(gvk)) }

// Mutate rewrites the cluster, or refuses what would reach it past the filters: without a
// destination Envoy takes the address of a PROXY protocol header. What goes with Envoy
// Gateway's own kinds of clusters only, such as endpoints, health checks and load balancers,
// is taken away.
func (clusters) Mutate(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
	if in.Hook == mutator.HookTranslation {
		return errNoListeners
	}
	_, s, err := only(in.Objects.Of(gvk))
	if err != nil {
		return err
	}
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST}
	c.EdsClusterConfig, c.LoadAssignment, c.HealthChecks = nil, nil, nil
	c.LoadBalancingPolicy, c.CommonLbConfig, c.LbSubsetConfig = nil, nil, nil
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.LbConfig = &clusterv3.Cluster_OriginalDstLbConfig_{OriginalDstLbConfig: lbConfig(s.Port)}
	c.ConnectTimeout, c.CleanupInterval = seconds(s.ConnectTimeout), seconds(s.CleanupInterval)
	c.CircuitBreakers = &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{thresholds(&s.CircuitBreakers)}}
	c.TransportSocketMatches, c.TransportSocket = nil, nil
	if s.TLS == nil {
		return nil
	}
	tls, err := xds.Any(tlsContext(s.TLS))
	c.TransportSocket = &corev3.TransportSocket{Name: xds.TLSSocketName, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}
	return err
}

func lbConfig(port *int) *clusterv3.Cluster_OriginalDstLbConfig {
	out := &clusterv3.Cluster_OriginalDstLbConfig{MetadataKey: &metadatav3.MetadataKey{
		Key:  ownNamespace,
		Path: []*metadatav3.MetadataKey_PathSegment{{Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: destinationKey}}},
	}}
	if port != nil {
		out.UpstreamPortOverride = number(port)
	}
	return out
}

func thresholds(b *v1alpha1.DestinationCircuitBreakers) *clusterv3.CircuitBreakers_Thresholds {
	return &clusterv3.CircuitBreakers_Thresholds{
		MaxConnections:     number(b.MaxConnections),
		MaxPendingRequests: number(b.MaxPendingRequests),
		MaxRequests:        number(b.MaxParallelRequests),
		MaxRetries:         number(b.MaxParallelRetries),
	}
}

func number(n *int) *wrapperspb.UInt32Value { return wrapperspb.UInt32(uint32(*n)) } //nolint:gosec // validated

func seconds(d gwapiv1.Duration) *durationpb.Duration {
	t, _ := time.ParseDuration(string(d)) // validated
	return durationpb.New(t)
}

func tlsContext(t *v1alpha1.DestinationTLS) *tlsv3.UpstreamTlsContext {
	ca := &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: systemCAs}}
	if t.CABundle != "" {
		ca.Specifier = &corev3.DataSource_InlineString{InlineString: t.CABundle}
	}
	return &tlsv3.UpstreamTlsContext{Sni: t.Hostname, CommonTlsContext: &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: ca,
			MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_DNS,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: t.Hostname}},
			}},
		}},
	}}
}
