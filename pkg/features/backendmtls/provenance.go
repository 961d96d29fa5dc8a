package backendmtls

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// setProvenance says in the cluster's metadata which policy made it so, for people who
// read Envoy's configuration, and for a second pass: that one does not get the policies of
// routes any more and must not put a Gateway's in their place.
func setProvenance(c *clusterv3.Cluster, by policy.Attachment) {
	value := by.Namespace + "/" + by.Name + " " + strconv.Itoa(int(by.Specificity))
	c.Metadata = xds.SetMetadataEntry(c.GetMetadata(), xds.MetadataEntry{Key: mutator.MetadataKey(gvk), Value: value})
}

// treatedByMoreSpecific tells whether a pass before this one applied a policy that is attached
// more closely than s. The metadata alone does not prove it: the cluster has to accept peers by
// their SPIFFE IDs as a policy makes it do.
func treatedByMoreSpecific(c *clusterv3.Cluster, s policy.Specificity) (bool, error) {
	for _, m := range xds.MetadataEntries(c.GetMetadata()) {
		if _, level, ok := strings.Cut(m.Value, " "); ok && mutator.IsEntryOf(gvk, m) {
			if n, err := strconv.Atoi(level); err == nil && policy.Specificity(n) > s {
				return requiresURI(c)
			}
		}
	}
	return false, nil
}

// requiresURI tells whether the cluster has TLS, and accepts peers by URIs wherever it has.
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
