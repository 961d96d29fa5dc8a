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

// Limits for decoding. An object that exceeds one of them is rejected: like any other invalid object,
// it has a name, targets and an error, so the failure policy applies to its targets.
const (
	// maxBytes is twice the maximum of kubectl apply, which stores the object in an annotation of
	// at most 256 KiB. It limits the cost of decoding an object, and the metadata that the Route
	// hook adds to each route.
	maxBytes = 512 << 10
	// maxDepth is several times the depth of the deepest Kubernetes resources, and far below the
	// depth at which a recursive function fails.
	maxDepth = 64
	// maxObjects is far more than Envoy Gateway itself can translate. The oldest objects are read,
	// so that a tenant cannot displace the policies of others.
	maxObjects = 10_000
	// maxTargets is the limit for targets by name in the policies of Gateway API and of Envoy
	// Gateway.
	maxTargets = 16
	// maxErrors is the maximum number of reported errors of an object, and maxError their maximum
	// size in bytes, because they quote the object.
	maxErrors = 10
	maxError  = 2 << 10
	// maxName is the maximum length of a name in Kubernetes; only the name of a rejected object is
	// cut.
	maxName = validation.DNS1123SubdomainMaxLength
)

// excess returns why an object is not decoded.
func excess(raw []byte, targets, selectors int) error {
	switch {
	case len(raw) > maxBytes:
		return fmt.Errorf("has %d bytes; at most %d are read", len(raw), maxBytes)
	case depth(raw) > maxDepth:
		return fmt.Errorf("is nested more than %d levels deep", maxDepth)
	case targets > maxTargets:
		return fmt.Errorf("has %d targets; at most %d are read", targets, maxTargets)
	case selectors > maxSelectors:
		return fmt.Errorf("has %d target selectors; at most %d are read", selectors, maxSelectors)
	default:
		return nil
	}
}

// depth returns the nesting depth of arrays and objects in a JSON text.
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

// reject makes the object invalid because of a limit. It keeps only the content that another hook
// needs to identify the object.
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
	if err != nil { // the year cannot be written as a JSON time
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
	// Content is a digest of the object's content, so that different objects stay different.
	Content string `json:"content"`
}

func (r *rejection) err() error { return errors.New(r.Reason) }

// first joins the first errors only, because they are written to logs and Events.
func first(errs field.ErrorList) error {
	if len(errs) <= maxErrors {
		return errs.ToAggregate()
	}
	return fmt.Errorf("%w, and %d more", errs[:maxErrors].ToAggregate(), len(errs)-maxErrors)
}

// brief returns the error with its text cut to a reasonable length.
func brief(err error) error {
	if err == nil || len(err.Error()) <= maxError {
		return err
	}
	return errors.New(strings.ToValidUTF8(err.Error()[:maxError], "") + " …")
}

// rejectExcess rejects the newest objects above the limit. It replaces them with copies, because
// other calls may share them.
func rejectExcess(objects []*Object) {
	for i := maxObjects; i < len(objects); i++ {
		o := *objects[i]
		o.reject(fmt.Errorf("is one of %d in a call; only the %d oldest are read", len(objects), maxObjects))
		o.digest = digestOf(&o)
		objects[i] = &o
	}
}
