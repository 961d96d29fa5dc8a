package backendmtls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// copyPrefix is in front of the names of copies. Envoy Gateway gives no cluster such a name.
const copyPrefix = "egraft/backend-mtls/"

// merged are what names of clusters begin with that Envoy Gateway makes for backends and not
// for rules, so that routes of different owners lead to them. It decides nothing but whether
// a cluster with one policy has its own name from the start: with another route that comes
// later, its requests would fail for as long as Envoy needs for a new cluster.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/helpers.go#L574
var merged = []string{"service/", "serviceimport/", "backend/"}

func isMerged(cluster string) bool {
	return slices.ContainsFunc(merged, func(prefix string) bool { return strings.HasPrefix(cluster, prefix) })
}

// copyName is the name of a cluster's copy for a policy. It is the same for as long as there is
// a policy of that name, so that a change of it is a change of the copy.
func copyName(cluster string, o *policy.Object) string {
	sum := sha256.Sum256([]byte(o.Namespace + "/" + o.Name))
	return copyPrefix + hex.EncodeToString(sum[:8]) + "/" + cluster
}

// copies are those of the clusters whose ways have different policies, in the order of the
// configuration.
func (m clusters) copies(in *mutator.Input) (out []mutator.Copy) {
	x := indexOf(in)
	if !x.copies {
		return nil
	}
	for _, name := range in.Routes().Clusters() {
		group, seen := x.clusters[name], map[*policy.Object]bool{}
		if group == nil || !group.copied {
			continue
		}
		for _, w := range group.ways {
			o := w.winner()
			if o == nil || seen[o] {
				continue
			}
			seen[o] = true
			out = append(out, mutator.Copy{
				Of: name, Name: copyName(name, o), Key: w.key, Affected: []*policy.Object{o},
				Edit: func(_ context.Context, c *clusterv3.Cluster) error {
					if c.AltStatName != "" {
						c.AltStatName = strings.ReplaceAll(copyName(c.AltStatName, o), ".", "_") // a dot ends the name in statistics
					}
					xds.SetEDSInitialFetchTimeout(c, newClusterFetchTimeout) // whatever becomes of its TLS
					return m.edit(c, w.found[0])
				},
			})
		}
	}
	return out
}
