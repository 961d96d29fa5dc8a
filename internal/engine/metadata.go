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

// metadataFields returns the path of the metadata of all namespaces in resources with metadata of
// egraft.
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

// ownKeys returns the keys in egraft's metadata that each feature may change: its own, and the key
// for a denied cluster, which all features share.
func ownKeys(features []mutator.Feature) map[string][]string {
	keys := make(map[string][]string, len(features))
	for i := range features {
		keys[features[i].Name] = append(features[i].MetadataKeys(), xds.DeniedKey)
	}
	return keys
}

// foreignEntry returns the fault of an edit that changes another feature's entry in the metadata of
// a route or cluster: that feature would find its policy missing or replaced.
func foreignEntry(own []string, at fields, before, now []byte) error {
	if at == nil || !hasEntries(before) && !hasEntries(now) {
		return nil
	}
	var one, other [4]encodedEntry // large enough in most cases, and on the stack
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

// routesAt returns the path of the routes in resources that have several.
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

// foreignRouteEntry returns the fault of an edit that adds an entry of another feature to a route,
// if no route had it, or removes one while all routes still exist: the policy would change, or be
// lost without its route.
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

// firstChanged returns the first key in a, except own keys, whose value differs in b.
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

// entryOf returns the key and the value of a map entry.
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

// valueOf returns the value of a key, the last of several, or nil.
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
	var one, other structpb.Value // nested maps may be in another order
	return proto.Unmarshal(a, &one) == nil && proto.Unmarshal(b, &other) == nil && proto.Equal(&one, &other)
}
