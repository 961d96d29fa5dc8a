// Package finding lists everything that egraft can report about itself: outcomes of policies, results
// of checks, and errors, each with a stable code. docs/outcomes.md is generated from it.
//
// It must not examine anything itself, and must not import other packages of this module.
package finding

import (
	"slices"
	"strings"
)

// Code is a finding. Codes are never reused: a removed finding leaves a gap.
type Code struct {
	// ID is EGR and three digits. The first digit is the area. Stages of a policy: 1 known to
	// Envoy Gateway, 2 sent to egraft, 3 applied, 4 active in Envoy. Checks of egraft doctor:
	// 5 settings of Envoy Gateway and egraft, 6 Kubernetes, 7 other configuration. 8 is the
	// input of commands.
	ID string
	// Name is a word in camel case, as reasons of Kubernetes conditions are.
	Name string
	// Means describes the finding in a sentence.
	Means string
	// Cause lists possible causes, See is a command or place that shows the finding, and Remedy
	// is what to do. Remedy is empty if there is nothing to do.
	Cause, See, Remedy string
}

// page is the address of docs/outcomes.md.
const page = "https://github.com/egraft/egraft/blob/main/docs/outcomes.md"

// Link returns the address of a code's explanation.
func (c Code) Link() string { return page + "#" + c.anchor() }

// All returns the codes in order.
func All() []Code {
	return slices.Concat(known, sent, applied, active, settings, kubernetes, surroundings)
}

// ByID returns the code with an ID.
func ByID(id string) (Code, bool) {
	for _, c := range All() {
		if c.ID == id {
			return c, true
		}
	}
	return Code{}, false
}

// camel converts call-failed to CallFailed, and leaves CallFailed unchanged.
func camel(words string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(words, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
