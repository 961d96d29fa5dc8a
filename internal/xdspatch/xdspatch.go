// Package xdspatch implements the language of XDSPatchPolicy: it compiles a patch for the message
// type that the patch selects, reports which fields it writes and which of them need a grant, and
// applies it to messages.
//
// Patches are input from tenants. Compiling a patch finds all faults, expressions are limited in
// time and memory, and the same input gives the same message. The package must not know policies,
// targets or namespaces, and does not decide who may write what.
package xdspatch

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Patch is a compiled patch. It is safe for concurrent use.
type Patch struct {
	root protoreflect.MessageDescriptor
	when *expression
	ops  []op
}

// op is one write.
type op struct {
	path Path
	// create is true if missing messages on the path are created.
	create bool
	// constant is the value to write, unless computed is set.
	constant value
	computed *expression
	// do writes to the message that contains the last step of the path.
	do func(value, protoreflect.Message, step) error
	// written is the value as far as it is known, and merged is true if other present fields
	// remain. Both are for [Patch.Sensitive].
	written protoreflect.Value
	merged  bool
}

// Compile compiles a patch and checks it against the message type that it selects. The errors name
// fields below at.
func Compile(p *v1alpha1.XDSPatch, at *field.Path) (*Patch, field.ErrorList) {
	t, err := rootOf(p.Select)
	if err != nil {
		return nil, field.ErrorList{field.Invalid(at.Child("select"), string(p.Select.Kind)+string(p.Select.Filter), err.Error())}
	}
	out := &Patch{root: t.Descriptor()}
	var errs field.ErrorList
	if p.When != "" {
		var err *field.Error
		if out.when, err = compileWhen(out.root, p.When, at.Child("when")); err != nil {
			errs = append(errs, err)
		}
	}
	ops, faults := compileVerb(out.root, p, at)
	if errs = append(errs, faults...); len(errs) > 0 {
		return nil, errs
	}
	out.ops = ops
	return out, nil
}

func compileVerb(of protoreflect.MessageDescriptor, p *v1alpha1.XDSPatch, at *field.Path) ([]op, field.ErrorList) {
	set := 0
	for _, is := range []bool{p.Merge != nil, p.Set != nil, p.List != nil, p.Remove != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "set one of merge, set, list and remove")}
	case p.Merge != nil:
		return compileMerge(of, p.Merge.Raw, at.Child("merge"))
	case p.Set != nil:
		return compileSet(of, p.Set, at.Child("set"))
	case p.List != nil:
		return compileList(of, p.List, at.Child("list"))
	}
	return compileRemove(of, p.Remove, at.Child("remove"))
}

// Matches reports whether the condition of the patch is true for a message, which must be of its
// kind. Without a condition, it is.
func (p *Patch) Matches(ctx context.Context, m proto.Message, target Target) (bool, error) {
	if err := p.check(m); err != nil || p.when == nil {
		return err == nil, err
	}
	return p.when.holds(ctx, m, &target)
}

// Apply edits a message in place. After an error the message may be partly edited, so pass a copy.
func (p *Patch) Apply(ctx context.Context, m proto.Message, target Target) error {
	if err := p.check(m); err != nil {
		return err
	}
	for _, o := range p.ops {
		v := o.constant
		if o.computed != nil {
			var err error
			if v, err = o.computed.value(ctx, m, &target, o.path.last()); err != nil {
				return fmt.Errorf("set %s: %w", describe(o.path), err)
			}
		}
		err := walk(m.ProtoReflect(), o.path, o.create, func(m protoreflect.Message, s step) error { return o.do(v, m, s) })
		if err != nil {
			return fmt.Errorf("patch %s: %w", describe(o.path), err)
		}
	}
	return nil
}

// check returns an error if a message is not of the type that the patch was compiled for.
func (p *Patch) check(m proto.Message) error {
	if of := m.ProtoReflect().Descriptor(); of != p.root {
		return fmt.Errorf("the patch is for %s, but the message has type %s", p.root.FullName(), of.FullName())
	}
	return nil
}

// Writes returns the paths that the patch writes to, in order.
func (p *Patch) Writes() []Path {
	paths := make([]Path, len(p.ops))
	for i, o := range p.ops {
		paths[i] = o.path
	}
	return paths
}
