package backendmtls

import (
	"encoding/json"
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// marked is a policy in the mark that the Route hook leaves on a route.
type marked struct {
	Specificity policy.Specificity `json:"specificity"`
	Policy      json.RawMessage    `json:"policy"`
}

// mark encodes the policies of a route, those that lost as well: only the translation,
// which knows the whole, can tell what became of a policy.
func mark(found []policy.Candidate) (string, error) {
	list := make([]marked, len(found))
	for i, c := range found {
		list[i] = marked{c.Specificity, json.RawMessage(c.Raw())}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode the policies of the route: %w", err)
	}
	return string(b), nil
}

// unmark reads the policies in a mark. One that cannot be read is left out: nobody but
// egraft writes marks.
func unmark(in *mutator.Input, m xds.Mark) []policy.Candidate {
	var list []marked
	if m.Key != gvk.Kind || json.Unmarshal([]byte(m.Value), &list) != nil {
		return nil
	}
	var out []policy.Candidate
	for _, c := range list {
		if o := in.Objects.Carried(string(c.Policy)); o != nil {
			out = append(out, policy.Candidate{Object: o, Specificity: c.Specificity})
		}
	}
	return out
}
