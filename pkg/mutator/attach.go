package mutator

import (
	"encoding/json"
	"fmt"

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
		places[i] = policy.Place{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, SectionName: r.SectionName}
	}
	return index.Attached(places)
}

// FailurePolicyOf is what the policy that wins says of its own failure, for [Failing].
func FailurePolicyOf(found []policy.Candidate) FailurePolicy {
	if len(found) == 0 {
		return ""
	}
	return FailurePolicy(found[0].FailurePolicy)
}

// carried is a policy in a mark.
type carried struct {
	Specificity policy.Specificity `json:"specificity"`
	Policy      json.RawMessage    `json:"policy"`
}

// Mark returns a mark with policies of a kind, to be left on a route in the Route hook: only
// there Envoy Gateway passes policies of routes. Those that lost belong in it as well, since
// only the translation, which knows the whole, can tell what became of a policy.
func Mark(kind string, found []policy.Candidate) (xds.Mark, error) {
	list := make([]carried, len(found))
	for i, c := range found {
		list[i] = carried{c.Specificity, json.RawMessage(c.Raw())}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return xds.Mark{}, fmt.Errorf("encode the policies of the route: %w", err)
	}
	return xds.Mark{Key: kind, Value: string(b)}, nil
}

// Marked returns the policies of a kind in a mark, and nil for a mark of another one. What
// cannot be read is left out: nobody but egraft writes marks.
func Marked(in *Input, kind string, m xds.Mark) []policy.Candidate {
	var list []carried
	if m.Key != kind || json.Unmarshal([]byte(m.Value), &list) != nil {
		return nil
	}
	var out []policy.Candidate
	for _, c := range list {
		if o := in.Objects.Carried(string(c.Policy)); o != nil && o.GroupVersionKind.Kind == kind {
			out = append(out, policy.Candidate{Object: o, Specificity: c.Specificity})
		}
	}
	return out
}
