package explain

import (
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/diff"
)

// maxFields is how many fields a summary names.
const maxFields = 8

// add adds the fields of a comparison, without names and indexes.
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

// withoutNames removes what is in brackets, where names can have brackets in quotes.
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

// isIn tells whether a name is among names that are separated by commas.
func isIn(name, names string) bool {
	return slices.Contains(strings.Split(names, ","), name)
}
