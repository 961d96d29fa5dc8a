package attach

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Listener is a Gateway listener with routes, and the policies of a kind that are attached to it or to
// its Gateway.
type Listener struct {
	xds.Reference
	Attached  []policy.Attachment // the one with precedence first
	Effective *policy.Attachment  // of those, nil without one
}

// Listeners is all Gateway listeners of a translation.
type Listeners struct {
	// All are the listeners, each once, in the order of the configuration.
	All []*Listener
	// Past are policies past a limit of their namespace, by the name of the object, with the error.
	Past map[string]*policy.Object

	// CacheKey depends on all policies of the kind, and on the effective policy of each listener.
	CacheKey string

	configurations map[string][]*Listener
}

type listenersKey struct {
	schema.GroupVersionKind
	onFailure mutator.FailurePolicy
}

// ListenersOf finds the policies of a kind that are attached to the listeners of a translation. It
// computes them once. onFailure applies to policies without their own failure policy. A policy past
// a limit of its namespace is invalid.
func ListenersOf(in *mutator.Input, kind schema.GroupVersionKind, onFailure mutator.FailurePolicy) *Listeners {
	return mutator.ComputeOnce(in, listenersKey{kind, onFailure}, func(in *mutator.Input) *Listeners {
		x, seen := &Listeners{configurations: map[string][]*Listener{}}, map[xds.Reference]*Listener{}
		for _, name := range in.Routes().Configurations() {
			x.configurations[name] = []*Listener{}
			for _, ref := range in.Routes().Configuration(name).Listeners() {
				l := seen[ref]
				if l == nil {
					l = &Listener{Reference: ref, Attached: mutator.Attached(in, kind, []xds.Reference{ref})}
					seen[ref], x.All = l, append(x.All, l)
				}
				x.configurations[name] = append(x.configurations[name], l)
			}
		}
		var all []*decided
		for _, l := range x.All {
			all = append(all, &decided{l.Attached, &l.Effective})
		}
		x.Past = decide(in, all, onFailure)
		x.CacheKey = x.cacheKey(in, kind)
		return x
	})
}

func (x *Listeners) cacheKey(in *mutator.Input, kind schema.GroupVersionKind) string {
	var b strings.Builder
	for _, o := range in.Objects.Of(kind) {
		b.WriteString(o.Digest())
	}
	for _, name := range in.Routes().Configurations() {
		fmt.Fprintf(&b, "%q:", name)
		for _, l := range x.configurations[name] {
			fmt.Fprintf(&b, "%q", l.String())
			if e := l.Effective; e != nil {
				fmt.Fprintf(&b, "%s%t", e.Digest(), e.Err != nil)
			}
		}
	}
	return b.String()
}

// Of returns the listeners of a route configuration, by its name. They are unknown if the translation
// does not contain the route configuration.
func (x *Listeners) Of(configuration string) (of []*Listener, known bool) {
	of, known = x.configurations[configuration]
	return of, known
}

// decided is the policies of a target, and where to store the effective one.
type decided struct {
	attached  []policy.Attachment
	effective **policy.Attachment
}

// decide finds the effective policy of each target, makes policies past a limit of their namespace
// invalid, and returns them.
func decide(in *mutator.Input, targets []*decided, onFailure mutator.FailurePolicy) map[string]*policy.Object {
	find := func() (inEffect []policy.Attachment) {
		seen := map[*policy.Object]bool{}
		for _, t := range targets {
			e := Effective(t.attached, onFailure)
			if *t.effective = e; e != nil && !seen[e.Object] {
				seen[e.Object] = true
				inEffect = append(inEffect, policy.Attachment{Object: e.Object})
			}
		}
		policy.Sort(inEffect) // the older ones first
		return inEffect
	}
	var objects []*policy.Object
	for _, a := range find() {
		objects = append(objects, a.Object)
	}
	past := in.Past(objects)
	if len(past) == 0 {
		return nil
	}
	for _, t := range targets {
		for i := range t.attached {
			if o := past[t.attached[i].String()]; o != nil {
				t.attached[i].Object = o
			}
		}
	}
	find()
	return past
}
