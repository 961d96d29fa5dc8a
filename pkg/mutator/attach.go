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

// Attached returns the policies of a kind that are attached to any of the objects that a
// resource was made from, the one with precedence first. The policies are those that came with the call:
// those of routes are in the Route hook and nowhere else, see [DecodeAttached].
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

// FailurePolicyOf is what the effective policy says of its own failure, for [Plan].
func FailurePolicyOf(found []policy.Attachment) FailurePolicy {
	if len(found) == 0 {
		return ""
	}
	return FailurePolicy(found[0].FailurePolicy)
}

// MaxMetadataSize is how many bytes of content an entry may have. Envoy Gateway makes up to 16 hostnames
// × 128 matches xDS routes of one HTTPRoute on each listener, and sends all of them back in the
// Translation hook: with entries of this size that is 6 MiB.
const MaxMetadataSize = 3 << 10

// maxOverridden is how many of the overridden policies of a route are told of in its entry.
const maxOverridden = 8

// attachedPolicy is a policy in an entry.
type attachedPolicy struct {
	Specificity policy.Specificity `json:"specificity"`
	policy.Encoded
}

// MetadataKey tells entries of a kind from those of others, of other API groups, too.
func MetadataKey(gvk schema.GroupVersionKind) string { return gvk.GroupKind().String() }

// decodedKey is the key of what an entry says to those who read a kind.
type decodedKey struct {
	schema.GroupVersionKind
	xds.MetadataEntry
}

type encodedKey struct{ key, attached string }

// EncodeAttached returns an entry with policies of a kind, to be left on a route in the Route hook: only
// there Envoy Gateway passes policies of routes. It has what the Translation hook needs of the
// effective one, and tells of those that it overrides by name, of the first [maxOverridden] of them: only
// the translation, which knows the whole, can tell what became of a policy. A policy of more
// than [MaxMetadataSize] bytes, compressed, is an error.
func EncodeAttached(in *Input, gvk schema.GroupVersionKind, effective policy.Attachment, overridden []policy.Attachment) (xds.MetadataEntry, error) {
	return EncodeAttachedGroups(in, gvk, [][]policy.Attachment{append([]policy.Attachment{effective}, overridden...)})
}

// EncodeAttachedGroups is [EncodeAttached] for a kind of which several policies are in effect on one
// route: the first of each group is, and overrides the others of the group. Together they may have
// [MaxMetadataSize] bytes.
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

// AttachedKey stands for what policies say and how they are attached.
func AttachedKey(found []policy.Attachment) string {
	var b strings.Builder
	for _, c := range found {
		b.WriteString(c.Digest())
		b.WriteByte(byte(c.Specificity))
	}
	return b.String()
}

// DecodeAttached returns the policies of a kind in an entry, the one with precedence first, and nil for an entry of
// another kind. Of the others, [policy.As] is nil. What cannot be read is left out: nobody
// but egraft writes entries, and an entry of another version of egraft is one that was lost.
func DecodeAttached(in *Input, k policy.Kind, m xds.MetadataEntry) []policy.Attachment {
	if m.Key != MetadataKey(k.GroupVersionKind) {
		return nil
	}
	return ComputeOnce(in, decodedKey{k.GroupVersionKind, m}, func(*Input) []policy.Attachment { return decodeAttached(k, m.Value) })
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

// IsEntryOf tells whether an entry is one of a kind, be it readable or not.
func IsEntryOf(gvk schema.GroupVersionKind, m xds.MetadataEntry) bool {
	return m.Key == MetadataKey(gvk)
}

// IsReadable tells whether an entry has policies, whatever their kind. A route that waits for it
// can be let go.
func IsReadable(m xds.MetadataEntry) bool {
	raw, err := unpack(m.Value)
	var list []attachedPolicy
	return err == nil && json.Unmarshal(raw, &list) == nil && len(list) > 0 && len(list[0].Content) > 0
}

// Hold makes a route lead nowhere until the translation has seen its entry of the kind, see
// [xds.HoldRoute].
func Hold(gvk schema.GroupVersionKind, r *routev3.Route) { xds.HoldRoute(r, MetadataKey(gvk)) }
