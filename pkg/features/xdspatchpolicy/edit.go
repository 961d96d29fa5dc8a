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

// message is a message to patch.
type message struct {
	kind v1alpha1.XDSKind
	proto.Message
	target xdspatch.Target
	// check rejects what Envoy rejects and the message's validation does not detect. It runs if one
	// of the fields is patched, and may be nil.
	check  func() error
	fields []protoreflect.Name
	// owned are the fields that no policy may patch, because another feature made them.
	owned owned
}

// isOf reports whether a patch selects the message.
func (m message) isOf(s v1alpha1.XDSSelect) bool {
	return s.Kind == m.kind && xdspatch.Root(s) == m.ProtoReflect().Descriptor().FullName()
}

// failed lists the policies that could not be applied to a message.
type failed []mutator.PartialFailure

// denies reports whether traffic must be rejected because of one of the failures.
func (f failed) denies() bool {
	for _, p := range f {
		if p.Denied {
			return true
		}
	}
	return false
}

// edit applies the patches of the policies to a message, in order of precedence. A policy leaves
// the message unmodified if one of its patches fails, or writes a field that a policy with an
// equally specific target wrote. If the other policy's target is more specific, edit skips the
// patches of such fields and applies the others.
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

// writes lists the fields that a policy wrote.
type writes struct {
	by    policy.Attachment
	paths []xdspatch.Path
	// brought are the references in these fields.
	brought []brought
	// overridden are the conflicts of the skipped patches.
	overridden []*conflict
}

// conflict is why a policy does not take effect on a message: another one has precedence.
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

// permitted returns an error if a patch writes a field that another feature owns, or that a policy
// with precedence wrote.
func permitted(p *xdspatch.Patch, owned owned, written []writes) error {
	for _, path := range p.Writes() {
		if by := owned.by(path); by != "" {
			return fmt.Errorf("%s cannot be patched, because a policy of kind %s created it", path, by)
		}
		for _, w := range written {
			if slices.ContainsFunc(w.paths, path.Overlaps) {
				return &conflict{w.by, path}
			}
		}
	}
	return nil
}

// touched returns the fields of a message that patches may have changed.
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

// countKey returns the key that counts the messages a patch of a policy matched, whether or not it
// could be applied.
func countKey(o *policy.Object, patch int) string { return o.String() + "\x00" + strconv.Itoa(patch) }

// conflictKey returns the key that counts the messages on which a policy lost a conflict with
// another.
func conflictKey(o, with *policy.Object) string {
	return conflictPrefix + o.String() + "\x00" + with.String()
}

// overriddenKey returns the key that counts the patches of a policy that a more specific one
// overrides.
func overriddenKey(o, by *policy.Object) string {
	return overriddenPrefix + o.String() + "\x00" + by.String()
}

// Prefixes of the keys for conflicts and overridden patches.
const (
	conflictPrefix   = "conflict\x00"
	overriddenPrefix = "overridden\x00"
)

// rejectedKey returns the key that counts the resources that a policy may not patch.
func rejectedKey(o *policy.Object) string { return o.String() + "\x00rejected" }

// counted counts a rejected resource for each failure, and returns a copy of the failures.
func counted(ctx context.Context, rejected failed) failed {
	for _, f := range rejected {
		mutator.Count(ctx, rejectedKey(f.Policies[0]), 1)
	}
	return slices.Clone(rejected)
}

// partial returns an error for an edit in which some policies failed, nil if none did.
func partial(all failed) error {
	if len(all) == 0 {
		return nil
	}
	return &mutator.PartialError{Failures: all}
}
