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
// resource was made from, the winner first. The policies are those that came with the call:
// those of routes are in the Route hook and nowhere else, see [Marked].
func Attached(in *Input, gvk schema.GroupVersionKind, refs []xds.Reference) []policy.Candidate {
	objects := in.Objects.Of(gvk)
	if len(objects) == 0 {
		return nil
	}
	index := Derive(in, policiesOf{gvk}, func(*Input) *policy.Index { return policy.NewIndex(objects) })
	places := make([]policy.Place, len(refs))
	for i, r := range refs {
		places[i] = policy.Place{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, SectionName: r.SectionName, ListenerSet: r.ListenerSet}
	}
	return index.Attached(places)
}

// FailurePolicyOf is what the policy that wins says of its own failure, for [Plan].
func FailurePolicyOf(found []policy.Candidate) FailurePolicy {
	if len(found) == 0 {
		return ""
	}
	return FailurePolicy(found[0].FailurePolicy)
}

// MarkSize is how many bytes of content a mark may have. Envoy Gateway makes up to 16 hostnames
// × 128 matches xDS routes of one HTTPRoute on each listener, and sends all of them back in the
// Translation hook: with marks of this size that is 6 MiB.
const MarkSize = 3 << 10

// maxLosers is how many of the policies that lost a route are told of in its mark.
const maxLosers = 8

// marked is a policy in a mark.
type marked struct {
	Specificity policy.Specificity `json:"specificity"`
	policy.Carried
}

// markKey tells marks of a kind from those of others, of other API groups, too.
func markKey(gvk schema.GroupVersionKind) string { return gvk.GroupKind().String() }

type markOf struct{ key, found string }

// Mark returns a mark with policies of a kind, to be left on a route in the Route hook: only
// there Envoy Gateway passes policies of routes. It has what the Translation hook needs of the
// one that wins, and tells of those that lost by name, of the first [maxLosers] of them: only
// the translation, which knows the whole, can tell what became of a policy. A policy of more
// than [MarkSize] bytes, compressed, is an error.
func Mark(in *Input, gvk schema.GroupVersionKind, winner policy.Candidate, losers []policy.Candidate) (xds.Mark, error) {
	type result struct {
		mark xds.Mark
		err  error
	}
	losers = losers[:min(len(losers), maxLosers)]
	key := markOf{markKey(gvk), AttachedKey(append([]policy.Candidate{winner}, losers...))}
	r := Derive(in, key, func(*Input) result {
		m, err := newMark(gvk, winner, losers)
		return result{m, err}
	})
	return r.mark, r.err
}

func newMark(gvk schema.GroupVersionKind, winner policy.Candidate, losers []policy.Candidate) (xds.Mark, error) {
	first, err := winner.Carry()
	if err != nil {
		return xds.Mark{}, err
	}
	list := []marked{{winner.Specificity, first}}
	for _, c := range losers {
		list = append(list, marked{c.Specificity, c.Identity()})
	}
	b, err := json.Marshal(list)
	if err != nil {
		return xds.Mark{}, fmt.Errorf("encode the policies of the route: %w", err)
	}
	value, err := pack(b)
	if err == nil && len(value) > MarkSize {
		err = fmt.Errorf("takes %d bytes on each xDS route of its target, more than the %d that a policy may take: use shorter or fewer values", len(value), MarkSize)
	}
	if err != nil {
		return xds.Mark{}, fmt.Errorf("%s: %w", winner.Object, err)
	}
	return xds.Mark{Key: markKey(gvk), Value: value}, nil
}

// AttachedKey stands for what policies say and how they are attached.
func AttachedKey(found []policy.Candidate) string {
	var b strings.Builder
	for _, c := range found {
		b.WriteString(c.Digest())
		b.WriteByte(byte(c.Specificity))
	}
	return b.String()
}

// Marked returns the policies of a kind in a mark, the winner first, and nil for a mark of
// another kind. Of the others, [policy.Typed] is nil. What cannot be read is left out: nobody
// but egraft writes marks, and a mark of another version of egraft is one that was lost.
func Marked(in *Input, k policy.Kind, m xds.Mark) []policy.Candidate {
	if m.Key != markKey(k.GroupVersionKind) {
		return nil
	}
	return Derive(in, m, func(*Input) []policy.Candidate { return readMark(k, m.Value) })
}

func readMark(k policy.Kind, value string) (out []policy.Candidate) {
	raw, err := unpack(value)
	if err != nil {
		return nil
	}
	var list []marked
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list[0].Content) == 0 {
		return nil
	}
	for _, c := range list {
		o, err := k.Restore(c.Carried)
		if err != nil {
			return nil
		}
		out = append(out, policy.Candidate{Object: o, Specificity: c.Specificity})
	}
	return out
}

// IsMarkOf tells whether a mark is one of a kind, be it readable or not.
func IsMarkOf(gvk schema.GroupVersionKind, m xds.Mark) bool { return m.Key == markKey(gvk) }

// IsReadable tells whether a mark has policies, whatever their kind. A route that waits for it
// can be let go.
func IsReadable(m xds.Mark) bool {
	raw, err := unpack(m.Value)
	var list []marked
	return err == nil && json.Unmarshal(raw, &list) == nil && len(list) > 0 && len(list[0].Content) > 0
}

// Hold makes a route lead nowhere until the translation has seen its mark of the kind, see
// [xds.HoldRoute].
func Hold(gvk schema.GroupVersionKind, r *routev3.Route) { xds.HoldRoute(r, markKey(gvk)) }
