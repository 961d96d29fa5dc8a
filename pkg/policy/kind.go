// Package policy turns the custom resources that Envoy Gateway hands to an extension
// server (policies, route filters, backends, as JSON) into typed, validated and ordered
// objects, and finds the effective one of a target.
//
// It must not know any particular kind, and it does not decide what an invalid object
// leads to.
package policy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
)

// Kind is a kind of custom resource and the way to read it. Make one with [NewKind].
type Kind struct {
	schema.GroupVersionKind
	decode     func(raw []byte) (any, error)
	decodeSpec func(raw []byte) (any, error) // what was decoded before
	strip      func(content any) any         // nil if nothing is left out, see [EncodeWithout]
	permit     Permit
	resource   string
}

// Permit returns why an object that is valid in itself may not be used where egraft runs,
// and nil if it may. The content is a pointer to the type of the kind. It may be called
// by several goroutines, and again for the same object.
type Permit func(o *Object, content any) error

// WithPermit has every object judged that is valid. One that may not be used is like one
// that is not valid: it keeps its name and targets, and has the reason as its error.
func (k Kind) WithPermit(permit Permit) Kind {
	k.permit = permit
	return k
}

// validateObject rejects an object that may not be used.
func (k Kind) validateObject(o *Object) {
	if k.permit == nil || o.Err != nil {
		return
	}
	if err := k.permit(o, o.typed); err != nil {
		o.reject(brief(err))
	}
}

// WithConditions says that egraft writes the conditions Accepted and Programmed to the
// status of the kind's objects: those of filters and backends, since Envoy Gateway writes
// the status of policies alone. The resource is the CRD's plural. The CRD needs the status
// subresource and status.conditions as a list map by type.
func (k Kind) WithConditions(resource string) Kind {
	k.resource = resource
	return k
}

// HasConditions tells whether egraft writes the status of the kind's objects.
func (k Kind) HasConditions() bool { return k.resource != "" }

// Resource is the plural of a kind whose status egraft writes, and empty for others.
func (k Kind) Resource() string { return k.resource }

// NewKind describes a custom resource whose objects are decoded into a T: strictly, so
// that unknown, duplicate and wrongly cased fields are errors, except in the metadata. T needs
// no fields but its spec: the status is not read, and of the metadata what T has. A T that
// validate finds fault with is an error too; validate may be nil.
func NewKind[T any](gvk schema.GroupVersionKind, validate func(*T) field.ErrorList) Kind {
	restore := func(raw []byte) (any, error) {
		obj := new(T)
		return obj, json.UnmarshalCaseSensitivePreserveInts(raw, obj)
	}
	return Kind{GroupVersionKind: gvk, decodeSpec: restore, decode: func(raw []byte) (any, error) {
		obj, err := decode[T](raw)
		switch {
		case err != nil:
			return nil, fmt.Errorf("cannot be read: %w", err)
		case validate == nil:
			return obj, nil
		}
		if errs := validate(obj); len(errs) > 0 {
			return nil, first(errs)
		}
		return obj, nil
	}}
}
