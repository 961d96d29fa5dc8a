package attach

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// required is a field that the author of a feature must set.
type required struct {
	name string
	set  bool
}

// missing returns an error that lists the required fields that are not set, or nil if all are set.
func missing(of, name string, kind schema.GroupVersionKind, fields ...required) error {
	var names []string
	for _, f := range append([]required{
		{"Name", name != ""}, {"Kind.Group", kind.Group != ""}, {"Kind.Version", kind.Version != ""}, {"Kind.Kind", kind.Kind != ""},
	}, fields...) {
		if !f.set {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("attach.%s: set %s", of, strings.Join(names, ", "))
}
