package xds

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// MetadataNamespace is the filter_metadata key under which egraft carries state from one
// hook to a later one, and under which it says on a cluster which policy made it so.
const MetadataNamespace = "egraft.io"

// MetadataEntry is a piece of state that the Route hook leaves on a route for the Translation
// hook, which removes it again.
type MetadataEntry struct {
	// Key says whose entry it is: by kind and group of a custom resource, or by a mutator
	// feature's name. The engine lets a feature change no others.
	Key string
	// Value is the entry's content, for example the policy as JSON.
	Value string
}

// ShadowKey is the key in egraft's metadata of what a route would be if policies with the effect
// Shadow were enforced. It is no entry of a feature: [MetadataEntries] leaves it out.
const ShadowKey = "shadow-route"

// ShadowEntry is the content of a route's shadow entry, empty without one.
func ShadowEntry(md *corev3.Metadata) string {
	return md.GetFilterMetadata()[MetadataNamespace].GetFields()[ShadowKey].GetStringValue()
}

// SetMetadataEntry puts an entry into md and returns md, made if it was nil. An entry of the same key
// is replaced.
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

// ClearMetadataEntries removes egraft's namespace from md and returns what is left: nil if that is
// nothing.
func ClearMetadataEntries(md *corev3.Metadata) *corev3.Metadata {
	delete(md.GetFilterMetadata(), MetadataNamespace)
	if len(md.GetFilterMetadata()) == 0 && len(md.GetTypedFilterMetadata()) == 0 {
		return nil
	}
	return md
}

// ReleaseRoutes removes the entries from every route and reports whether there were any. A route
// that was held is let go for the entries that are readable.
func ReleaseRoutes(vh *routev3.VirtualHost, readable func(MetadataEntry) bool) bool {
	found := false
	for _, r := range vh.GetRoutes() {
		if _, marked := r.GetMetadata().GetFilterMetadata()[MetadataNamespace]; !marked {
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
