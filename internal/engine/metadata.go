package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// metadataFields is where egraft's metadata is in resources that have any, of all namespaces.
func metadataFields(k mutator.Kind) fields {
	switch k {
	case mutator.KindRoute:
		return fields{4, 1}
	case mutator.KindCluster:
		return fields{25, 1}
	default:
		return nil
	}
}

// ownKeys are the keys in egraft's metadata that features may change: those of all for a cluster
// that is denied, and each feature's own.
func ownKeys(features []mutator.Feature) map[string][]string {
	keys := make(map[string][]string, len(features))
	for i := range features {
		keys[features[i].Name] = append(features[i].MetadataKeys(), xds.DeniedKey)
	}
	return keys
}

// foreignEntry is the fault of an edit that changes what another feature left in a route's or
// cluster's metadata: that one would find its policy gone, or another one in its place.
func foreignEntry(own []string, at fields, before, now []byte) error {
	if at == nil || !hasEntries(before) && !hasEntries(now) {
		return nil
	}
	var one, other [4]encodedEntry // mostly enough, and on the stack
	was, is := metadataEntries(at, before, one[:0]), metadataEntries(at, now, other[:0])
	key, changed := firstChanged(own, was, is)
	if !changed {
		key, changed = firstChanged(own, is, was)
	}
	if !changed {
		return nil
	}
	return fmt.Errorf("changed %q in the metadata %s, which belongs to another feature; the feature's own keys are %s", key, xds.MetadataNamespace, strings.Join(own[:len(own)-1], ", "))
}

// routesAt is where the routes are in resources that have several.
func routesAt(k mutator.Kind) fields {
	switch k {
	case mutator.KindVirtualHost:
		return fields{3}
	case mutator.KindRouteConfiguration:
		return fields{virtualHosts, 3}
	default:
		return nil
	}
}

// foreignRouteEntry is the fault of an edit that gives a route an entry of another feature which none of
// the routes had, or takes one away while all routes are still there: its policy would be another
// one, or lost without the route.
func foreignRouteEntry(own []string, routes fields, before, now []byte) error {
	if routes == nil || !hasEntries(before) && !hasEntries(now) {
		return nil
	}
	was, is := foreignEntries(own, routes, before), foreignEntries(own, routes, now)
	changed := ""
	for e := range is.of {
		if was.of[e] == 0 && (changed == "" || e.key < changed) {
			changed = e.key
		}
	}
	for e, n := range was.of {
		if is.of[e] < n && is.routes == was.routes && (changed == "" || e.key < changed) {
			changed = e.key
		}
	}
	if changed == "" {
		return nil
	}
	return fmt.Errorf("changed %q in the metadata %s of a route, which belongs to another feature; the feature's own keys are %s", changed, xds.MetadataNamespace, strings.Join(own[:len(own)-1], ", "))
}

// routeEntries are the entries of other features on the routes of a resource.
type routeEntries struct {
	of     map[struct{ key, value string }]int
	routes int
}

func foreignEntries(own []string, at fields, raw []byte) routeEntries {
	found := routeEntries{of: map[struct{ key, value string }]int{}}
	at.each(raw, func(route []byte) {
		found.routes++
		for _, m := range metadataEntries(metadataFields(mutator.KindRoute), route, nil) {
			if !slices.Contains(own, string(m.key)) {
				found.of[struct{ key, value string }{string(m.key), string(m.value)}]++
			}
		}
	})
	return found
}

// firstChanged is the first key in a whose value is another one in b and which is none of own.
func firstChanged(own []string, a, b []encodedEntry) (key []byte, found bool) {
	for _, m := range a {
		isOwn := slices.ContainsFunc(own, func(key string) bool { return key == string(m.key) })
		if !isOwn && !equalValues(valueOf(a, m.key), valueOf(b, m.key)) {
			return m.key, true
		}
	}
	return nil, false
}

func hasEntries(raw []byte) bool { return bytes.Contains(raw, []byte(xds.MetadataNamespace)) }

// encodedEntry is an entry of egraft's metadata.
type encodedEntry struct {
	key, value []byte
}

// metadataEntries appends the entries of egraft's metadata to entries.
func metadataEntries(metadata fields, raw []byte, entries []encodedEntry) []encodedEntry {
	metadata.each(raw, func(namespace []byte) {
		if name, content := entryOf(namespace); string(name) == xds.MetadataNamespace {
			fields{1}.each(content, func(entry []byte) {
				key, value := entryOf(entry)
				entries = append(entries, encodedEntry{key, value})
			})
		}
	})
	return entries
}

// entryOf is the key and the value of an entry of a map.
func entryOf(entry []byte) (key, value []byte) {
	for num, v := range wire.Values(entry) {
		switch num {
		case 1:
			key = v
		case 2:
			value = v
		}
	}
	return key, value
}

// valueOf is the value of a key, the last of several, and nil without one.
func valueOf(entries []encodedEntry, key []byte) (value []byte) {
	for _, m := range entries {
		if bytes.Equal(m.key, key) {
			value = m.value
		}
	}
	return value
}

func equalValues(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return (a == nil) == (b == nil)
	}
	var one, other structpb.Value // maps in it may be in another order
	return proto.Unmarshal(a, &one) == nil && proto.Unmarshal(b, &other) == nil && proto.Equal(&one, &other)
}
