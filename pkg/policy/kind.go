// Package policy converts the custom resources that Envoy Gateway sends to an extension
// server (policies, route filters, backends, as JSON) into typed, validated and ordered
// objects, and finds the effective policy of a target.
//
// It must not depend on any particular kind, and does not decide the effect of an invalid
// object.
package policy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
)

// Kind is a kind of custom resource and how to decode it. Create one with [NewKind].
type Kind struct {
	schema.GroupVersionKind
	decode     func(raw []byte) (any, error)
	decodeSpec func(raw []byte) (any, error) // returns the decoded content of the encoded spec
	strip      func(content any) any         // nil if all fields are encoded, see [EncodeWithout]
	permit     Permit
	classes    func(namespace, class string) bool
	resource   string
}

// Permit returns why a valid object is not permitted by egraft's settings, or nil if it is. The
// content is a pointer to the type of the kind. It may be called concurrently, and repeatedly for
// the same object.
type Permit func(o *Object, content any) error

// WithPermit checks every valid object. An object that is not permitted is treated as invalid: it
// keeps its name and targets, and has the reason as its error.
func (k Kind) WithPermit(permit Permit) Kind {
	k.permit = permit
	return k
}

// validateObject rejects an object that is not permitted.
func (k Kind) validateObject(o *Object) {
	if o.Err != nil {
		return
	}
	if err := k.validateClass(o); err != nil {
		o.reject(err)
		return
	}
	if k.permit == nil {
		return
	}
	if err := k.permit(o, o.typed); err != nil {
		o.reject(brief(err))
	}
}

// WithConditions makes egraft write the conditions Accepted and Programmed to the status of the
// kind's objects. Use it for filters and backends, because Envoy Gateway only writes the status of
// policies. The resource is the CRD's plural. The CRD needs the status subresource and
// status.conditions as a list map by type.
func (k Kind) WithConditions(resource string) Kind {
	k.resource = resource
	return k
}

// HasConditions reports whether egraft writes the status of the kind's objects.
func (k Kind) HasConditions() bool { return k.resource != "" }

// Resource returns the plural of a kind with a status that egraft writes; it is empty for other
// kinds.
func (k Kind) Resource() string { return k.resource }

// NewKind describes a custom resource whose objects are decoded into a T: strictly, so
// that unknown, duplicate and wrongly cased fields are errors, except in the metadata. T only needs
// a spec: the status is not read, and only the metadata fields of T are. Errors of validate, which
// may be nil, are errors of the object.
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
