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

// missing is an error that lists the required fields of a kind of features that are not set, nil if
// all are.
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
