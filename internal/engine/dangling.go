package engine

import (
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// noteDangling records which custom resources added a dangling reference, see [mutator.Refer], and
// reports whether any of them can be rejected for it. If so, the translation is repeated without
// them, and the resource does not fail.
func (s *settling) noteDangling(at spot, ref reference) (found bool) {
	feature := featureOf(ref.owner)
	var valid map[policy.ID]bool
	for _, p := range s.res.counts {
		if p.spot != at || p.copied != "" {
			continue
		}
		for _, c := range p.all {
			if c.feature != feature {
				continue
			}
			for _, counted := range c.counts {
				id, field, ok := mutator.Referrer(counted.key, ref.kind, ref.name)
				if !ok {
					continue
				}
				if valid == nil {
					valid = s.validOf(s.in, feature)
				}
				found = s.res.addDangling(feature, id, fmt.Errorf("%s: %w", field, ref.err()), valid) || found
			}
		}
	}
	return found
}

// addDangling records why a custom resource is rejected, unless it is no longer valid.
func (r *Response) addDangling(feature, id string, err error, valid map[policy.ID]bool) bool {
	for v := range valid {
		if v.String() != id {
			continue
		}
		if r.dangling == nil {
			r.dangling = map[string]map[string]error{}
		}
		if r.dangling[feature] == nil {
			r.dangling[feature] = map[string]error{}
		}
		if first := r.dangling[feature][id]; first == nil || err.Error() < first.Error() {
			r.dangling[feature][id] = err
		}
		return true
	}
	return false
}

// validOf returns the IDs of the valid custom resources of a feature in a translation.
func (e *Engine) validOf(in *mutator.Input, feature string) map[policy.ID]bool {
	valid := map[policy.ID]bool{}
	for i := range e.features {
		if e.features[i].Name != feature {
			continue
		}
		for _, o := range objectsOf(in, kindsOfFeature(&e.features[i])) {
			if o.Err == nil {
				valid[o.ID()] = true
			}
		}
	}
	return valid
}
