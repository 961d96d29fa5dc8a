package xdspatchpolicy

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// attached holds the policies of one place of a translation, in order of precedence.
type attached struct {
	// on are the policies that may patch messages of the place.
	on []policy.Attachment
	// excess are the policies over the limit of their namespace.
	excess []policy.Attachment
	// rejected are attached policies that may not patch, each with the reason.
	rejected []rejection
}

// rejection is why a policy may not patch a message of its target.
type rejection struct {
	policy.Attachment
	err error
}

type placeKey struct{ listeners string }

// ofListeners returns the policies for resources of the listeners. A policy must be attached to all
// of them: otherwise it must not patch what they share. It is computed once for each set of
// listeners.
func ofListeners(in *mutator.Input, listeners []xds.Reference) *attached {
	var key strings.Builder
	for _, l := range listeners {
		key.WriteString(l.String() + "\x00")
	}
	return mutator.ComputeOnce(in, placeKey{key.String()}, func(in *mutator.Input) *attached {
		a := &attached{}
		for _, c := range mutator.Attached(in, gvk, listeners) {
			if excess(in)[c.ID()] != nil {
				a.excess = append(a.excess, c)
			} else if err := rejectionOf(c.Object, listeners); err != nil {
				a.rejected = append(a.rejected, rejection{c, err})
			} else {
				a.on = append(a.on, c)
			}
		}
		return a
	})
}

// rejectionOf returns why a policy may not patch resources of the listeners, or nil.
func rejectionOf(o *policy.Object, listeners []xds.Reference) error {
	for _, l := range listeners {
		if !isAttached(o, l) {
			return fmt.Errorf("%s shares it but is not a target: attach the policy to the Gateway, or use another port", l)
		}
	}
	return foreign(o, listeners)
}

func isAttached(o *policy.Object, l xds.Reference) bool {
	place := policy.TargetRef{Kind: l.Kind, Namespace: l.Namespace, Name: l.Name, SectionName: l.SectionName, ListenerSet: l.ListenerSet}
	return o.AttachedTo(place) != policy.NotAttached
}

// foreign returns an error if a listener belongs to a Gateway in another namespace and the operator
// has not granted its resources to the policy's namespace.
func foreign(o *policy.Object, listeners []xds.Reference) error {
	for _, l := range listeners {
		if o.OwnGateways && l.Namespace != o.Namespace {
			return fmt.Errorf("may not patch what belongs to %s: the operator can grant it to namespace %s by patches of --namespace-rules", l, o.Namespace)
		}
	}
	return nil
}

// ofRoute returns the policies of a route: its own, which the Route hook added to its metadata,
// before those of the listeners.
func ofRoute(in *mutator.Input, listeners []xds.Reference, entries []xds.MetadataEntry) *attached {
	whole := ofListeners(in, listeners)
	var own []policy.Attachment
	for _, m := range entries {
		own = append(own, mutator.DecodeAttached(in, kind, m)...)
	}
	if len(own) == 0 {
		return whole
	}
	a := &attached{excess: whole.excess, rejected: whole.rejected[:len(whole.rejected):len(whole.rejected)]}
	for _, c := range own {
		if err := foreign(c.Object, listeners); err != nil {
			a.rejected = append(a.rejected, rejection{c, err})
		} else {
			a.on = append(a.on, c)
		}
	}
	a.on = append(a.on, whole.on...)
	return a
}

// selecting returns the valid policies of a place that select messages of the kinds.
func (a *attached) selecting(kinds ...v1alpha1.XDSKind) (on []policy.Attachment) {
	for _, c := range a.on {
		if c.Err == nil && selects(c.Object, kinds) {
			on = append(on, c)
		}
	}
	return on
}

// failures returns a failure for each policy that selects messages of the kinds and may not patch
// them.
func (a *attached) failures(kinds ...v1alpha1.XDSKind) (all failed) {
	for _, r := range a.rejected {
		if r.Err == nil && selects(r.Object, kinds) {
			all = append(all, mutator.PartialFailure{Policies: []*policy.Object{r.Object}, Denied: denies(r.Object), Err: fmt.Errorf("%s: %w", r.Object, r.err)})
		}
	}
	return all
}

func selects(o *policy.Object, kinds []v1alpha1.XDSKind) bool {
	p := content(o)
	if p == nil {
		return false
	}
	for _, patch := range p.Spec.Patches {
		for _, k := range kinds {
			if patch.Select.Kind == k {
				return true
			}
		}
	}
	return false
}

// rejects reports whether requests to the place must be rejected, because a policy with failure
// policy Deny is invalid or may not patch.
func (a *attached) rejects() bool {
	for _, c := range a.on {
		if c.Err != nil && denies(c.Object) {
			return true
		}
	}
	for _, r := range a.rejected {
		if denies(r.Object) {
			return true
		}
	}
	return deniesAny(a.excess)
}

// key returns a cache key for the policies of a place and their contents. For those over a limit,
// only the failure policy matters.
func (a *attached) key() string {
	var b strings.Builder
	for _, c := range a.on {
		fmt.Fprintf(&b, "%s%d%v\x00", c.Digest(), c.Specificity, c.Err)
	}
	fmt.Fprint(&b, deniesAny(a.excess))
	for _, r := range a.rejected {
		fmt.Fprintf(&b, "%s%d%v%v\x00", r.Digest(), r.Specificity, r.Err, r.err)
	}
	return b.String()
}
