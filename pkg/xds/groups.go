package xds

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// copyPrefix begins the names of clusters that egraft copies or renames. Envoy Gateway does not use
// it.
const copyPrefix = "egraft/"

// IsCopy reports whether a name belongs to a cluster that egraft copied or renamed.
func IsCopy(cluster string) bool { return strings.HasPrefix(cluster, copyPrefix) }

// CopyName is the name of a cluster's copy for an owner, which is a feature, and an identity within
// the owner, such as the name of a policy. It only depends on these, so that Envoy treats a change of
// the copy as an update of the same cluster.
func CopyName(owner, identity, cluster string) string {
	sum := sha256.Sum256([]byte(identity))
	return copyPrefix + owner + "/" + hex.EncodeToString(sum[:8]) + "/" + cluster
}

// merged are the prefixes of clusters that Envoy Gateway generates for backends instead of rules,
// so that routes of different owners lead to them.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/helpers.go#L574
var merged = []string{"service/", "serviceimport/", "backend/"}

func isMerged(cluster string) bool {
	return slices.ContainsFunc(merged, func(prefix string) bool { return strings.HasPrefix(cluster, prefix) })
}

// Group is a set of clusters to which the same ways lead, usually all clusters of a listener.
type Group struct {
	Ways []*Way
	// Clusters are their names in the order of the configuration.
	Clusters []string
	// Last is the position of the last cluster among all clusters, see [RouteIndex.Clusters].
	Last int
	// Merged means that Envoy Gateway generated the clusters for backends, so that a later route
	// can also lead to them.
	Merged bool
}

// Groups returns the groups of all clusters to which routes lead, in the order of their first
// clusters. It leaves out copies of an earlier pass.
func (r *RouteIndex) Groups() []*Group { return r.groups() }

func (r *RouteIndex) newGroups() (out []*Group) {
	alike, numbers := map[string]*Group{}, map[*Way]string{}
	for i, name := range r.names {
		if IsCopy(name) {
			continue
		}
		ways, key := r.clusters[name].Ways(), ""
		for _, w := range ways {
			if numbers[w] == "" {
				numbers[w] = strconv.Itoa(len(numbers)) + ","
			}
			key += numbers[w]
		}
		if isMerged(name) {
			key += "merged"
		}
		g := alike[key]
		if g == nil {
			g = &Group{Ways: ways, Merged: isMerged(name)}
			alike[key], out = g, append(out, g)
		}
		g.Clusters, g.Last = append(g.Clusters, name), i
	}
	return out
}
