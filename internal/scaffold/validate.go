package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/pkg/mutator"
)

// maxName leaves room for the header, and for the plural with its group.
const maxName = 40

// taken are the names that a package must not have: Go's keywords, and packages that the files import.
var taken = strings.Fields(`break case catalog chan cli const continue default defer e2etest else fallthrough for func go goto http httptest if
	import interface internal main map mutatortest os package range return select struct switch testing type var vendor`)

// isPath matches module paths that need no quotes in go.mod.
var isPath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)

// Validate rejects a module that would not compile, or whose CRD an API server would reject.
// features are the existing features of egraft.
func (m *Module) Validate(features []string) error {
	switch {
	case !mutator.IsName(m.Name):
		return fmt.Errorf("name %q must be lower-case words with dashes between them, such as hello-world", m.Name)
	case len(m.Name) > maxName:
		return fmt.Errorf("name %q has more than %d characters", m.Name, maxName)
	case slices.Contains(taken, m.Package()):
		return fmt.Errorf("name %q is invalid: the Go package cannot be named %s", m.Name, m.Package())
	case slices.Contains(features, m.Name):
		return fmt.Errorf("name %q is already used by a built-in feature", m.Name)
	case !isPath.MatchString(m.Path) || strings.Contains(m.Path, ".."):
		return fmt.Errorf("--module %q is not the path of a Go module, such as example.com/hello", m.Path)
	case len(validation.IsDNS1123Subdomain(m.Group)) > 0 || !strings.Contains(m.Group, "."):
		return fmt.Errorf("--group %q is not an API group, such as example.com", m.Group)
	case strings.HasSuffix("."+m.Group, ".k8s.io") || strings.HasSuffix("."+m.Group, ".kubernetes.io"):
		return fmt.Errorf("--group %q belongs to Kubernetes: take a domain of your own", m.Group)
	}
	return nil
}
