package mutator

import (
	"encoding/json"
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// policiesOf is the key of the index of a kind's policies.
type policiesOf struct{ schema.GroupVersionKind }

// Attached returns the policies of a kind that are attached to any of the objects from which Envoy
// Gateway generated a resource, the one with precedence first. It only finds policies of the call:
// policies of routes are only in the Route hook, see [DecodeAttached].
func Attached(in *Input, gvk schema.GroupVersionKind, refs []xds.Reference) []policy.Attachment {
	objects := in.Objects.Of(gvk)
	if len(objects) == 0 {
		return nil
	}
	index := ComputeOnce(in, policiesOf{gvk}, func(*Input) *policy.Index { return policy.NewIndex(objects) })
	places := make([]policy.TargetRef, len(refs))
	for i, r := range refs {
		places[i] = policy.TargetRef{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, SectionName: r.SectionName, ListenerSet: r.ListenerSet}
	}
	return index.Attached(places)
}

// FailurePolicyOf returns the failure policy of the effective policy, for [Plan].
func FailurePolicyOf(found []policy.Attachment) FailurePolicy {
	if len(found) == 0 {
		return ""
	}
	return FailurePolicy(found[0].FailurePolicy)
}

// MaxMetadataSize is the maximum content of an entry in bytes. For one HTTPRoute, Envoy Gateway
// generates up to 16 hostnames × 128 matches xDS routes on each listener, and sends all of them in the
// Translation hook: with entries of this size, this is 6 MiB.
const MaxMetadataSize = 3 << 10

// maxOverridden is the maximum number of overridden policies in the entry of a route.
const maxOverridden = 8

// attachedPolicy is a policy in an entry.
type attachedPolicy struct {
	Specificity policy.Specificity `json:"specificity"`
	policy.Encoded
}

// MetadataKey identifies the entries of a kind, including its API group.
func MetadataKey(gvk schema.GroupVersionKind) string { return gvk.GroupKind().String() }

// decodedKey is the cache key of a decoded entry, by kind.
type decodedKey struct {
	schema.GroupVersionKind
	xds.MetadataEntry
}

type encodedKey struct{ key, attached string }

// EncodeAttached returns an entry with policies of a kind, for the metadata of a route in the Route
// hook, the only hook in which Envoy Gateway passes policies of routes. The entry contains the part of
// the effective policy that the Translation hook needs, and the names of the first [maxOverridden]
// policies that it overrides, because only the translation can determine their outcomes. A policy of
// more than [MaxMetadataSize] bytes, compressed, is an error.
func EncodeAttached(in *Input, gvk schema.GroupVersionKind, effective policy.Attachment, overridden []policy.Attachment) (xds.MetadataEntry, error) {
	return EncodeAttachedGroups(in, gvk, [][]policy.Attachment{append([]policy.Attachment{effective}, overridden...)})
}

// EncodeAttachedGroups is [EncodeAttached] for a kind with several policies in effect on one route:
// the first policy of each group is in effect, and overrides the rest of its group. All groups
// together may have [MaxMetadataSize] bytes.
func EncodeAttachedGroups(in *Input, gvk schema.GroupVersionKind, groups [][]policy.Attachment) (xds.MetadataEntry, error) {
	type result struct {
		entry xds.MetadataEntry
		err   error
	}
	key := encodedKey{key: MetadataKey(gvk)}
	short := make([][]policy.Attachment, len(groups))
	for i, g := range groups {
		short[i] = g[:min(len(g), 1+maxOverridden)]
		key.attached += AttachedKey(short[i]) + "\x00"
	}
	r := ComputeOnce(in, key, func(*Input) result {
		m, err := encodeAttached(gvk, short)
		return result{m, err}
	})
	return r.entry, r.err
}

func encodeAttached(gvk schema.GroupVersionKind, groups [][]policy.Attachment) (xds.MetadataEntry, error) {
	var list []attachedPolicy
	for _, g := range groups {
		first, err := g[0].Encode()
		if err != nil {
			return xds.MetadataEntry{}, err
		}
		list = append(list, attachedPolicy{g[0].Specificity, first})
		for _, c := range g[1:] {
			list = append(list, attachedPolicy{c.Specificity, c.Identity()})
		}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return xds.MetadataEntry{}, fmt.Errorf("encode the policies of the route: %w", err)
	}
	value, err := pack(b)
	if err == nil && len(value) > MaxMetadataSize {
		err = tooLarge(len(value), len(groups))
	}
	if err != nil {
		return xds.MetadataEntry{}, fmt.Errorf("%s: %w", groups[0][0].Object, err)
	}
	return xds.MetadataEntry{Key: MetadataKey(gvk), Value: value}, nil
}

func tooLarge(size, policies int) error {
	if policies > 1 {
		return fmt.Errorf("with %d more policies in effect on the same route takes %d bytes on each xDS route of its target, more than the %d that they may take: use shorter or fewer values", policies-1, size, MaxMetadataSize)
	}
	return fmt.Errorf("takes %d bytes on each xDS route of its target, more than the %d that a policy may take: use shorter or fewer values", size, MaxMetadataSize)
}

// AttachedKey is a cache key for the content of policies and for how they are attached.
func AttachedKey(found []policy.Attachment) string {
	var b strings.Builder
	for _, c := range found {
		b.WriteString(c.Digest())
		b.WriteByte(byte(c.Specificity))
	}
	return b.String()
}

// DecodeAttached returns the policies of a kind in an entry, the one with precedence first, and nil
// for an entry of another kind. For all but the first, [policy.As] is nil. Unreadable policies are
// left out: only egraft writes entries, and an entry of another version of egraft counts as lost.
func DecodeAttached(in *Input, k policy.Kind, m xds.MetadataEntry) []policy.Attachment {
	if m.Key != MetadataKey(k.GroupVersionKind) {
		return nil
	}
	return ComputeOnce(in, decodedKey{k.GroupVersionKind, m}, func(in *Input) []policy.Attachment { return in.rejectedOf(decodeAttached(k, m.Value)) })
}

func decodeAttached(k policy.Kind, value string) (out []policy.Attachment) {
	raw, err := unpack(value)
	if err != nil {
		return nil
	}
	var list []attachedPolicy
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list[0].Content) == 0 {
		return nil
	}
	for _, c := range list {
		o, err := k.Decode(c.Encoded)
		if err != nil {
			return nil
		}
		out = append(out, policy.Attachment{Object: o, Specificity: c.Specificity})
	}
	return out
}

// DecodeAttachedGroups returns the policies of an entry in the groups of [EncodeAttachedGroups].
func DecodeAttachedGroups(in *Input, k policy.Kind, m xds.MetadataEntry) (groups [][]policy.Attachment) {
	for _, a := range DecodeAttached(in, k, m) {
		if a.Content() != nil || len(groups) == 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], a)
	}
	return groups
}

// IsEntryOf reports whether an entry belongs to a kind, whether it is readable or not.
func IsEntryOf(gvk schema.GroupVersionKind, m xds.MetadataEntry) bool {
	return m.Key == MetadataKey(gvk)
}

// IsReadable reports whether an entry contains policies of any kind. A route that is held for it
// can be released.
func IsReadable(m xds.MetadataEntry) bool {
	raw, err := unpack(m.Value)
	var list []attachedPolicy
	return err == nil && json.Unmarshal(raw, &list) == nil && len(list) > 0 && len(list[0].Content) > 0
}

// Hold makes a route lead nowhere until the translation has seen its entry of the kind, see
// [xds.HoldRoute].
func Hold(gvk schema.GroupVersionKind, r *routev3.Route) { xds.HoldRoute(r, MetadataKey(gvk)) }
