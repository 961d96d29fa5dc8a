package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of what is read. Past one of them an object is rejected: it has a name, targets and
// an error like any other that cannot be used, and so its targets get the failure policy.
const (
	// maxBytes is twice what kubectl can apply, which keeps the object in an annotation
	// that may have 256 KiB. It bounds what decoding an object costs, and what the Route
	// hook leaves on each route.
	maxBytes = 512 << 10
	// maxDepth is several times what the deepest resources of Kubernetes have, and far from
	// what a recursive function cannot take.
	maxDepth = 64
	// maxObjects is far past what Envoy Gateway itself can translate. The oldest are read,
	// so that nobody can push others' policies out.
	maxObjects = 10_000
	// maxTargets is the limit of Gateway API's policies for targets by name, which Envoy
	// Gateway's own have, too.
	maxTargets = 16
	// maxErrors is how many faults of an object are told, and maxError how many bytes that
	// may take: they quote the object.
	maxErrors = 10
	maxError  = 2 << 10
	// maxName is the longest name in Kubernetes; only that of a rejected object is cut.
	maxName = validation.DNS1123SubdomainMaxLength
)

// excess is why an object is not decoded.
func excess(raw []byte, targets, selectors int) error {
	switch {
	case len(raw) > maxBytes:
		return fmt.Errorf("has %d bytes, more than the %d that are read", len(raw), maxBytes)
	case depth(raw) > maxDepth:
		return fmt.Errorf("is nested more than %d deep", maxDepth)
	case targets > maxTargets:
		return fmt.Errorf("has %d targets, more than the %d that are read", targets, maxTargets)
	case selectors > maxSelectors:
		return fmt.Errorf("has %d target selectors, more than the %d that are read", selectors, maxSelectors)
	default:
		return nil
	}
}

// depth is how deep the arrays and objects of a JSON text are nested.
func depth(raw []byte) (deepest int) {
	now, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// reject makes the object one that cannot be used because of a limit. What is left of its
// content is as much as another hook needs to know it by.
func (o *Object) reject(reason error) {
	o.typed, o.Err = nil, reason
	o.Namespace, o.Name = cut(o.Namespace), cut(o.Name)
	var h header
	h.APIVersion, h.Kind = o.GroupVersionKind.ToAPIVersionAndKind()
	h.Metadata.Namespace, h.Metadata.Name = o.Namespace, o.Name
	h.Metadata.UID, h.Metadata.Generation, h.Metadata.CreationTimestamp.Time = o.UID, o.Generation, o.Created
	sum := sha256.Sum256([]byte(o.raw))
	h.Spec.FailurePolicy = o.FailurePolicy
	if o.Shadow {
		h.Spec.Effect = shadow
	}
	h.Rejected = &rejection{reason.Error(), hex.EncodeToString(sum[:])}
	b, err := json.Marshal(h)
	if err != nil { // of a year that JSON's times cannot have
		b = []byte(h.Rejected.Content)
	}
	o.raw = string(b)
}

func cut(name string) string {
	return strings.Clone(strings.ToValidUTF8(name[:min(len(name), maxName)], ""))
}

// rejection is the content of a rejected object.
type rejection struct {
	Reason string `json:"reason"`
	// Content is a digest of what the object had: another object is another one even so.
	Content string `json:"content"`
}

func (r *rejection) err() error { return errors.New(r.Reason) }

// first joins faults, but not thousands of them: they go into logs and Events.
func first(errs field.ErrorList) error {
	if len(errs) <= maxErrors {
		return errs.ToAggregate()
	}
	return fmt.Errorf("%w, and %d more", errs[:maxErrors].ToAggregate(), len(errs)-maxErrors)
}

// brief is the error, or as much of its text as is worth telling.
func brief(err error) error {
	if err == nil || len(err.Error()) <= maxError {
		return err
	}
	return errors.New(strings.ToValidUTF8(err.Error()[:maxError], "") + " …")
}

// rejectExcess rejects the newest of too many objects. They may be shared with other
// calls, and so copies take their place.
func rejectExcess(objects []*Object) {
	for i := maxObjects; i < len(objects); i++ {
		o := *objects[i]
		o.reject(fmt.Errorf("is one of %d in a call, of which the %d oldest are read", len(objects), maxObjects))
		o.digest = digestOf(&o)
		objects[i] = &o
	}
}
