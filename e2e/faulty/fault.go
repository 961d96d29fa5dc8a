// Package faulty is a feature that fails on purpose, in a configured hook, on resources of a
// configured kind and name, and in a configured way. Tests run it in egraft after the built-in
// features. The product must not use it.
package faulty

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
)

// Variable is the environment variable with the faults for cmd/faulty, separated by commas.
const Variable = "FAULTS"

// Ways in which a mutator fails.
const (
	// Error returns an error.
	Error = "error"
	// Panic panics.
	Panic = "panic"
	// Slow waits for the end of its context.
	Slow = "slow"
	// Hang does not return, and ignores its context.
	Hang = "hang"
)

// Fault is one configured failure.
type Fault struct {
	Hook mutator.Hook
	Kind mutator.Kind
	// How is one of the constants above.
	How string
	// Name is a part of the names of the resources.
	Name string
}

// String returns the fault in the form that [Parse] reads.
func (f Fault) String() string {
	return strings.Join([]string{string(f.Hook), string(f.Kind), f.How, f.Name}, ":")
}

// Format formats faults as [Parse] reads them.
func Format(faults ...Fault) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.String())
	}
	return strings.Join(out, ",")
}

// Parse reads faults, hook:kind:how:name each, with commas between them.
func Parse(text string) ([]Fault, error) {
	var out []Fault
	for each := range strings.SplitSeq(text, ",") {
		words := strings.SplitN(each, ":", 4)
		if len(words) != 4 || !slices.Contains([]string{Error, Panic, Slow, Hang}, words[2]) {
			return nil, fmt.Errorf("fault %q: want hook:kind:how:name, how being error, panic, slow or hang", each)
		}
		out = append(out, Fault{mutator.Hook(words[0]), mutator.Kind(words[1]), words[2], words[3]})
	}
	return out, nil
}

// happen fails.
func (f Fault) happen(ctx context.Context) error {
	switch f.How {
	case Panic:
		panic("on purpose")
	case Slow:
		<-ctx.Done()
		return context.Cause(ctx)
	case Hang:
		select {}
	default:
		return errors.New("on purpose")
	}
}
