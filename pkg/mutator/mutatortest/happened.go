package mutatortest

import (
	"errors"
	"fmt"
)

// happened requires that a call had an effect, or changed nothing if the case expects that.
// Otherwise a case that does not test what it should would pass forever after -update wrote its
// out.yaml.
func (s *result) happened() error {
	changed := same(s.call.Resources, s.res.Resources)
	switch {
	case s.unmodified && changed != nil:
		return fmt.Errorf("unmodified: true, but the feature changed resources: remove the field, or correct the case: %w", changed)
	case !s.unmodified && changed == nil && len(s.res.Outcomes)+len(s.res.Policies) == 0:
		return errors.New("nothing happened: no mutator has a Plan for any of the resources and no custom resource has an outcome: " +
			"make the targetRefs of objects match metadata.filterMetadata.envoy-gateway of the resources, or set unmodified: true in the case if no change is expected")
	}
	return nil
}
