package xdspatchpolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// message is a message that is patched.
type message struct {
	kind v1alpha1.XDSKind
	proto.Message
	target xdspatch.Target
	// check finds what Envoy rejects and the message's validation does not see, if one of the fields is patched. It may be
	// nil.
	check  func() error
	fields []protoreflect.Name
	// owned are the fields that no policy may patch, because another feature made them.
	owned owned
}

// isOf tells whether a patch selects the message.
func (m message) isOf(s v1alpha1.XDSSelect) bool {
	return s.Kind == m.kind && xdspatch.Root(s) == m.ProtoReflect().Descriptor().FullName()
}

// failed are the policies that could not be applied to a message.
type failed []mutator.PartialFailure

// denies tells whether one of them must not be served without.
func (f failed) denies() bool {
	for _, p := range f {
		if p.Denied {
			return true
		}
	}
	return false
}

// edit applies the patches of the policies to a message, the one with precedence first. A policy of
// which a patch fails leaves the message as it is, and so does one that writes a field which another
// policy wrote whose target is as specific. Of one whose target is less specific, the patches of such
// fields are passed over, and the others are applied.
func edit(ctx context.Context, m message, on []policy.Attachment) (all failed) {
	written := winnersOf(m, on)
	done := map[string]bool{}
	for _, c := range on {
		if done[c.String()] { // attached to a route and to its Gateway
			continue
		}
		done[c.String()] = true
		before := proto.Clone(m.Message)
		w, err := apply(spending(ctx, c.Object), m, c, written)
		if err == nil {
			err = keepsEgrafts(before, m.Message, w.paths)
		}
		if err == nil {
			err = checkRouteFilters(before, m.Message, touched(w.paths))
		}
		if err != nil {
			proto.Reset(m.Message)
			proto.Merge(m.Message, before)
			all = append(all, failureOf(c.Object, err))
			if lost := (*conflict)(nil); errors.As(err, &lost) {
				mutator.Count(ctx, conflictKey(c.Object, lost.with.Object), 1)
				keepWinner(m, lost)
			}
			continue
		}
		refer(ctx, c.Object, w.brought)
		for _, lost := range w.overridden {
			keepWinner(m, lost)
		}
		if len(w.paths) > 0 {
			written = append(written, w)
		}
	}
	return all
}

// writes are the fields that a policy wrote.
type writes struct {
	by    policy.Attachment
	paths []xdspatch.Path
	// brought are what they refer to.
	brought []brought
	// overridden are those of its patches that were passed over.
	overridden []*conflict
}

// conflict is why a policy is not in effect on a message where another one has precedence.
type conflict struct {
	with policy.Attachment
	path xdspatch.Path
}

func (c *conflict) Error() string {
	return fmt.Sprintf("%s has precedence and sets %s", c.with.Object, c.path)
}

func failureOf(o *policy.Object, err error) mutator.PartialFailure {
	return mutator.PartialFailure{Policies: []*policy.Object{o}, Denied: denies(o), Err: fmt.Errorf("%s: %w", o, err)}
}

// apply applies the patches of one policy.
func apply(ctx context.Context, m message, c policy.Attachment, written []writes) (w writes, err error) {
	w.by = c
	patches, errs := content(c.Object).Patches()
	if len(errs) > 0 {
		return w, errs.ToAggregate()
	}
	for i, p := range patches {
		if !m.isOf(content(c.Object).Spec.Patches[i].Select) {
			continue
		}
		found, err := p.Matches(ctx, m.Message, m.target)
		if err != nil {
			return w, fmt.Errorf("spec.patches[%d].when: %w", i, err)
		}
		if !found {
			continue
		}
		mutator.Count(ctx, countKey(c.Object, i), 1)
		before := refersTo(m.Message, p.Writes())
		if err := w.add(ctx, m, p, written); err != nil {
			return w, fmt.Errorf("spec.patches[%d]: %w", i, err)
		}
		w.brought = append(w.brought, bringing(i, p, before, m.Message))
	}
	if len(w.paths) > 0 {
		if err := valid(m, touched(w.paths)); err != nil {
			return w, fmt.Errorf("the result is invalid: %w", err)
		}
	}
	return w, nil
}

// add applies a patch that matches, unless a more specific policy wrote the same fields.
func (w *writes) add(ctx context.Context, m message, p *xdspatch.Patch, written []writes) error {
	err := permitted(p, m.owned, written)
	if lost := (*conflict)(nil); errors.As(err, &lost) && lost.with.Specificity > w.by.Specificity {
		mutator.Count(ctx, overriddenKey(w.by.Object, lost.with.Object), 1)
		w.overridden = append(w.overridden, lost)
		return nil
	}
	if err == nil {
		err = p.Apply(ctx, m.Message, m.target)
	}
	w.paths = append(w.paths, p.Writes()...)
	return err
}

// permitted is an error if a patch writes a field that another feature owns, or that a policy with
// precedence wrote.
func permitted(p *xdspatch.Patch, owned owned, written []writes) error {
	for _, path := range p.Writes() {
		if by := owned.by(path); by != "" {
			return fmt.Errorf("%s cannot be patched, because a policy of kind %s made it", path, by)
		}
		for _, w := range written {
			if slices.ContainsFunc(w.paths, path.Overlaps) {
				return &conflict{w.by, path}
			}
		}
	}
	return nil
}

// touched are the fields of a message that patches may have changed.
func touched(written []xdspatch.Path) (fields []protoreflect.FieldDescriptor) {
	for _, p := range written {
		for _, fd := range p.Touched() {
			if !slices.Contains(fields, fd) {
				fields = append(fields, fd)
			}
		}
	}
	return fields
}

func valid(m message, touched []protoreflect.FieldDescriptor) error {
	if err := typedconfig.Validate(m.Message, touched); err != nil {
		return err
	}
	if m.check == nil || !slices.ContainsFunc(touched, func(fd protoreflect.FieldDescriptor) bool { return slices.Contains(m.fields, fd.Name()) }) {
		return nil
	}
	return m.check()
}

// countKey is that of the messages which a patch of a policy matched, whether it could be applied or
// not.
func countKey(o *policy.Object, patch int) string { return o.String() + "\x00" + strconv.Itoa(patch) }

// conflictKey is that of the messages on which a policy lost to another one.
func conflictKey(o, with *policy.Object) string {
	return conflictPrefix + o.String() + "\x00" + with.String()
}

// overriddenKey is that of the patches of a policy that a more specific one overrides.
func overriddenKey(o, by *policy.Object) string {
	return overriddenPrefix + o.String() + "\x00" + by.String()
}

// What keys of lost messages begin with.
const (
	conflictPrefix   = "conflict\x00"
	overriddenPrefix = "overridden\x00"
)

// refusedKey is that of the resources which a policy may not patch.
func refusedKey(o *policy.Object) string { return o.String() + "\x00refused" }

// counted counts the policies that may not patch a resource.
func counted(ctx context.Context, refused failed) failed {
	for _, f := range refused {
		mutator.Count(ctx, refusedKey(f.Policies[0]), 1)
	}
	return slices.Clone(refused)
}

// partial is the error for an edit of which some policies failed.
func partial(all failed) error {
	if len(all) == 0 {
		return nil
	}
	return &mutator.PartialError{Failures: all}
}
