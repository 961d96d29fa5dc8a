// Package finding is the list of what egraft can tell about itself: outcomes of policies, results of
// checks, and errors, each with a code that stays the same. docs/outcomes.md is made of it.
//
// It must not find anything itself, and must not import other packages of this module.
package finding

import (
	"slices"
	"strings"
)

// Code is a finding. Codes are never reused: a finding that goes leaves a gap.
type Code struct {
	// ID is EGR and three digits. The first is where the finding belongs:
	// 1 known to Envoy Gateway, 2 sent to egraft, 3 applied, 4 active in Envoy: the stages of a
	// policy; 5 settings of Envoy Gateway and egraft, 6 Kubernetes, 7 what else is in the
	// configuration: checks of egraft doctor; 8 input of commands.
	ID string
	// Name is a word in camel case, as reasons of Kubernetes conditions are.
	Name string
	// Means says in a sentence what is the case.
	Means string
	// Cause says what leads to it, See how to see it, with a command, and Remedy what to do. Remedy
	// is empty if nothing is to be done.
	Cause, See, Remedy string
}

// page is where the codes are explained.
const page = "https://github.com/egraft/egraft/blob/main/docs/outcomes.md"

// Link is the address of a code's explanation.
func (c Code) Link() string { return page + "#" + c.anchor() }

// All are the codes in their order.
func All() []Code {
	return slices.Concat(known, sent, applied, active, settings, kubernetes, surroundings)
}

// ByID returns the code of an ID.
func ByID(id string) (Code, bool) {
	for _, c := range All() {
		if c.ID == id {
			return c, true
		}
	}
	return Code{}, false
}

// camel makes CallFailed of call-failed, and leaves CallFailed as it is.
func camel(words string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(words, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
