package backendmtls

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// setProvenance says in the cluster's metadata which policy made it so, for people who
// read Envoy's configuration, and for a second pass: that one does not get the policies of
// routes any more and must not put a Gateway's in their place.
func setProvenance(c *clusterv3.Cluster, by policy.Candidate) {
	value := by.Namespace + "/" + by.Name + " " + strconv.Itoa(int(by.Specificity))
	c.Metadata = xds.SetMark(c.GetMetadata(), xds.Mark{Key: gvk.Kind, Value: value})
}

// treatedByMoreSpecific tells whether a pass before this one applied a policy that is
// attached more closely than s.
func treatedByMoreSpecific(c *clusterv3.Cluster, s policy.Specificity) bool {
	for _, m := range xds.Marks(c.GetMetadata()) {
		if _, level, ok := strings.Cut(m.Value, " "); ok && m.Key == gvk.Kind {
			n, err := strconv.Atoi(level)
			return err == nil && policy.Specificity(n) > s
		}
	}
	return false
}
