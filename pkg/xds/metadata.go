package xds

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// MetadataNamespace is the filter_metadata key under which egraft passes state from one hook to a
// later one, and under which it records on a cluster which policy changed it.
const MetadataNamespace = "egraft.io"

// MetadataEntry is state that the Route hook adds to a route for the Translation hook, which removes
// it.
type MetadataEntry struct {
	// Key identifies the owner of the entry: the kind and group of a custom resource, or the name
	// of a feature. The engine does not let a feature change entries of others.
	Key string
	// Value is the entry's content, for example the policy as JSON.
	Value string
}

// ShadowKey is the key in egraft's metadata for the route as it would be if policies with the effect
// Shadow were enforced. It is not an entry of a feature: [MetadataEntries] leaves it out.
const ShadowKey = "shadow-route"

// ShadowEntry returns the content of a route's shadow entry, or nothing if there is none.
func ShadowEntry(md *corev3.Metadata) string {
	return md.GetFilterMetadata()[MetadataNamespace].GetFields()[ShadowKey].GetStringValue()
}

// SetMetadataEntry adds an entry to md and returns md, which it creates if it is nil. It replaces an
// entry with the same key.
func SetMetadataEntry(md *corev3.Metadata, m MetadataEntry) *corev3.Metadata {
	if md == nil {
		md = &corev3.Metadata{}
	}
	if md.FilterMetadata == nil {
		md.FilterMetadata = map[string]*structpb.Struct{}
	}
	s := md.FilterMetadata[MetadataNamespace]
	if s == nil {
		s = &structpb.Struct{}
		md.FilterMetadata[MetadataNamespace] = s
	}
	if s.Fields == nil {
		s.Fields = map[string]*structpb.Value{}
	}
	s.Fields[m.Key] = structpb.NewStringValue(m.Value)
	return md
}

// MetadataEntries returns the entries in md, sorted by key.
func MetadataEntries(md *corev3.Metadata) []MetadataEntry {
	fields := md.GetFilterMetadata()[MetadataNamespace].GetFields()
	if len(fields) == 0 {
		return nil
	}
	entries := make([]MetadataEntry, 0, len(fields))
	for k, v := range fields {
		if k == ShadowKey {
			continue
		}
		entries = append(entries, MetadataEntry{Key: k, Value: v.GetStringValue()})
	}
	slices.SortFunc(entries, func(a, b MetadataEntry) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return entries
}

// ClearMetadataEntries removes egraft's namespace from md and returns the rest, or nil if it is
// empty.
func ClearMetadataEntries(md *corev3.Metadata) *corev3.Metadata {
	delete(md.GetFilterMetadata(), MetadataNamespace)
	if len(md.GetFilterMetadata()) == 0 && len(md.GetTypedFilterMetadata()) == 0 {
		return nil
	}
	return md
}

// ReleaseRoutes removes the entries from every route and reports whether there were any. It releases
// held routes whose entries are readable.
func ReleaseRoutes(vh *routev3.VirtualHost, readable func(MetadataEntry) bool) bool {
	found := false
	for _, r := range vh.GetRoutes() {
		if _, ours := r.GetMetadata().GetFilterMetadata()[MetadataNamespace]; !ours {
			continue
		}
		entries := MetadataEntries(r.GetMetadata())
		releaseRoute(r.GetRoute(), func(key string) bool {
			return slices.ContainsFunc(entries, func(m MetadataEntry) bool { return m.Key == key && readable(m) })
		})
		r.Metadata, found = ClearMetadataEntries(r.GetMetadata()), true
	}
	return found
}
