package explain

import (
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/diff"
)

// maxFields limits the fields in a summary.
const maxFields = 8

// add adds the changed fields of a comparison, without names and indexes.
func (s *Summary) add(r *diff.Result) {
	if r == nil {
		return
	}
	for _, c := range r.Changes {
		if len(s.Fields) >= maxFields {
			return
		}
		if path := withoutNames(c.Path); path != "" && !slices.Contains(s.Fields, path) {
			s.Fields = append(s.Fields, path)
		}
	}
}

// withoutNames removes the bracketed parts of a path. Names in them can contain quoted brackets.
func withoutNames(path string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isIn reports whether a name is in a comma-separated list of names.
func isIn(name, names string) bool {
	return slices.Contains(strings.Split(names, ","), name)
}
