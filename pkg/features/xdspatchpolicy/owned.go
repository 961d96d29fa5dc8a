package xdspatchpolicy

import (
	"slices"
	"strings"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// owned are fields of a message that another feature made, with the kind of the policy or backend
// that they come from. The operator cannot grant them: patches must not remove protection.
type owned struct {
	kind string
	// fields are owned or, if others is true, all top-level fields except these. They are top-level
	// fields of any message.
	fields []protoreflect.Name
	others bool
	// below are owned paths whose top-level field is not owned.
	below []xdspatch.Path
}

// The kinds that own fields.
var (
	backendMTLS         = v1alpha1.GroupVersion.WithKind(v1alpha1.KindBackendMTLSPolicy)
	frontendMTLS        = v1alpha1.GroupVersion.WithKind(v1alpha1.KindFrontendMTLSPolicy)
	originalDestination = v1alpha1.KindOriginalDestinationBackend
)

// protectedKinds are the kinds of policies that own fields of listeners.
var protectedKinds = []schema.GroupVersionKind{frontendMTLS}

// by returns the kind that owns a field, empty if none does.
func (o owned) by(p xdspatch.Path) string {
	switch {
	case o.kind == "":
		return ""
	case o.others != slices.Contains(o.fields, p.Field()), slices.ContainsFunc(o.below, p.Overlaps):
		return o.kind
	}
	return ""
}

// ownedOfCluster returns the fields of a cluster that a BackendMTLSPolicy or an
// OriginalDestinationBackend made.
func ownedOfCluster(c *clusterv3.Cluster) owned {
	switch {
	case slices.ContainsFunc(xds.MetadataEntries(c.GetMetadata()), func(m xds.MetadataEntry) bool { return mutator.IsEntryOf(backendMTLS, m) }):
		return owned{kind: backendMTLS.Kind, fields: []protoreflect.Name{"name", "metadata", "transport_socket", "transport_socket_matches", "transport_socket_matcher", "typed_extension_protocol_options", "health_checks", "common_tls_context", "sni", "auto_host_sni", "auto_sni_san_validation"}}
	case isOriginalDestination(c):
		return owned{
			kind: originalDestination, others: true,
			fields: []protoreflect.Name{"circuit_breakers", "per_connection_buffer_limit_bytes", "upstream_connection_options", "outlier_detection", "track_cluster_stats", "alt_stat_name"},
			below:  noRetries(),
		}
	}
	return owned{}
}

// noRetries returns the fields that turn off retries in a cluster of an OriginalDestinationBackend.
var noRetries = sync.OnceValue(func() (paths []xdspatch.Path) {
	for _, name := range []string{"max_retries", "retry_budget"} {
		p, err := xdspatch.ParsePath(v1alpha1.XDSSelect{Kind: v1alpha1.XDSCluster}, "circuit_breakers.thresholds."+name)
		if err != nil {
			panic(err) // a field of Envoy's API
		}
		paths = append(paths, p)
	}
	return paths
})

// isOriginalDestination reports whether the cluster leads to the destination that egraft's filters
// wrote.
func isOriginalDestination(c *clusterv3.Cluster) bool {
	return c.GetType() == clusterv3.Cluster_ORIGINAL_DST && strings.HasPrefix(c.GetOriginalDstLbConfig().GetMetadataKey().GetKey(), egraftsPrefix)
}

// ownedOfListeners returns the fields of a filter chain and its contents that a FrontendMTLSPolicy
// of the listeners owns.
func ownedOfListeners(in *mutator.Input, listeners []xds.Reference) owned {
	if len(mutator.Attached(in, frontendMTLS, listeners)) == 0 {
		return owned{}
	}
	return owned{kind: frontendMTLS.Kind, fields: []protoreflect.Name{
		"transport_socket", "transport_socket_connect_timeout", "filter_chain_match", "filters", // of a filter chain
		"filter_chains", "default_filter_chain", "filter_chain_matcher", // of a listener
		"http_filters", "upgrade_configs", "forward_client_cert_details", "set_current_client_cert_details", "route_config", "rds", "scoped_routes", // of a connection manager
		"common_tls_context", "require_client_certificate", "require_sni", "ocsp_staple_policy", "session_ticket_keys", "session_ticket_keys_sds_secret_config",
		"disable_stateless_session_resumption", "disable_stateful_session_resumption", "session_timeout", "full_scan_certs_on_sni_mismatch", // of a TLS context
	}}
}
