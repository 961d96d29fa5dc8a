package policy

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Object is one custom resource.
type Object struct {
	GroupVersionKind schema.GroupVersionKind
	Namespace, Name  string
	// UID and Generation are empty for resources from files.
	UID        types.UID
	Generation int64
	// Created is the zero time for resources from files.
	Created time.Time
	// Targets are the policy's targets, if they could be read.
	Targets []Target
	// FailurePolicy is spec.failurePolicy, if it could be read. It also applies to an invalid
	// policy.
	FailurePolicy string
	// Shadow means that spec.effect is Shadow, if it could be read: the object must not change
	// anything, and is only evaluated to report what it would change. [Set.Of] leaves it out.
	Shadow bool
	// OwnGateways means that the object may only change Gateways in its own namespace, because the
	// operator has not granted more. A [Permit] sets it.
	OwnGateways bool
	// Err is why the object is invalid. Its name and targets are valid nevertheless.
	Err error
	// ConditionsOf is the plural of the kind if egraft writes conditions to the object's status;
	// otherwise empty, see [Kind.WithConditions].
	ConditionsOf string

	kind     *Kind
	selected selection
	class    bool // whether it is attached to all Gateways of the calls that contain it, see class.go
	typed    any
	raw      string
	digest   string
}

// Target is a target of a policy, always in the policy's own namespace.
type Target struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
}

// header is the part of every object that is read, leniently, before its kind is decoded.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name              string      `json:"name"`
		Namespace         string      `json:"namespace"`
		UID               types.UID   `json:"uid"`
		Generation        int64       `json:"generation"`
		CreationTimestamp metav1.Time `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec struct {
		TargetRef       *Target    `json:"targetRef"`
		TargetRefs      []Target   `json:"targetRefs"`
		TargetSelectors []selector `json:"targetSelectors"`
		FailurePolicy   string     `json:"failurePolicy"`
		Effect          string     `json:"effect,omitempty"`
	} `json:"spec"`
	Status struct {
		Ancestors []ancestor `json:"ancestors"`
	} `json:"status"`
	// Rejected is set if another hook encoded a rejected object.
	Rejected *rejection `json:"egraft.io/rejected,omitempty"`
}

// parse reads the header of raw in linear time, then decodes the object by the kind of its
// apiVersion and kind, under watch. It returns nil without error for a kind that is not in kinds.
func parse(kinds []Kind, raw []byte, watch Watch) (*Object, error) {
	var h header
	var mistyped *json.UnmarshalTypeError // fields of a wrong type: the other fields are still read
	if err := json.Unmarshal(raw, &h); err != nil && !errors.As(err, &mistyped) {
		return nil, fmt.Errorf("read custom resource: %w", err)
	}
	gvk := schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
	for _, k := range kinds {
		if k.GroupVersionKind != gvk {
			continue
		}
		o := h.object(k)
		o.raw = string(raw)
		switch tooMuch := excess(raw, len(o.Targets), len(h.Spec.TargetSelectors)); {
		case tooMuch != nil:
			o.reject(tooMuch)
		case h.Rejected != nil:
			o.Err = h.Rejected.err()
		default:
			o.readContent(k, watch)
			k.validateObject(o)
		}
		o.digest = digestOf(o)
		return o, nil
	}
	return nil, nil
}

// readContent decodes and validates the content for its kind. It works on a copy of the bytes,
// because it may continue after watch has abandoned it.
func (o *Object) readContent(k Kind, watch Watch) {
	own := []byte(o.raw)
	c, err := watch(o, func() Content {
		typed, err := k.decode(own)
		return Content{typed, brief(err)}
	})
	if err != nil {
		o.reject(err)
		return
	}
	o.typed, o.Err = c.typed, c.err
}

// object returns an object with only the header.
func (h *header) object(k Kind) *Object {
	o := &Object{
		GroupVersionKind: k.GroupVersionKind,
		Namespace:        h.Metadata.Namespace,
		Name:             h.Metadata.Name,
		UID:              h.Metadata.UID,
		Generation:       h.Metadata.Generation,
		Created:          h.Metadata.CreationTimestamp.Time,
		Targets:          h.Spec.TargetRefs,
		FailurePolicy:    h.Spec.FailurePolicy,
		Shadow:           h.Spec.Effect == shadow,
		ConditionsOf:     k.resource,
		kind:             &k,
	}
	if h.Spec.TargetRef != nil {
		o.Targets = append([]Target{*h.Spec.TargetRef}, o.Targets...)
	}
	o.class = k.isOfClass(o, h.Spec.TargetSelectors)
	o.selected = newSelection(o.Namespace, o.Targets, h.Spec.TargetSelectors, h.Status.Ancestors)
	if slices.ContainsFunc(o.Targets, isClass) && o.MaxSpecificity() == NotAttached {
		// With Deny, the policy would deny everything in a translation without routes.
		o.FailurePolicy = string(v1alpha1.FailurePolicyIgnore)
	}
	return o
}

func digestOf(o *Object) string {
	sum := sha256.Sum256([]byte(o.Raw()))
	return string(sum[:])
}

// As returns the object as the T of its kind, or nil if it has another kind or is invalid.
func As[T any](o *Object) *T {
	t, _ := o.typed.(*T)
	return t
}

// Content is a pointer to the object in the type of its kind, or nil if it is invalid. If the type
// is known, use [As].
func (o *Object) Content() any { return o.typed }

// String returns "Kind namespace/name".
func (o *Object) String() string {
	return o.GroupVersionKind.Kind + " " + o.Namespace + "/" + o.Name
}

// Raw is the object as Envoy Gateway sent it, without its status and managed fields, so that it
// stays the same while the object's meaning does.
func (o *Object) Raw() string {
	var m map[string]any
	if err := json.Unmarshal([]byte(o.raw), &m); err != nil {
		return o.raw
	}
	delete(m, "status")
	if md, ok := m["metadata"].(map[string]any); ok {
		delete(md, "managedFields")
		delete(md, "resourceVersion")
		delete(md, "annotations")
	}
	b, err := json.Marshal(m)
	if err != nil {
		return o.raw
	}
	return string(b)
}

// Digest is the same only for objects with the same [Object.Raw] and the same error of
// [Object.WithError]. It is binary, not text.
func (o *Object) Digest() string { return o.digest }

// WithError returns an invalid copy of the object. It keeps its content and identity, and has its
// own digest.
func (o *Object) WithError(err error) *Object {
	c := *o
	c.Err = err
	sum := sha256.Sum256([]byte(o.digest + err.Error()))
	c.digest = string(sum[:])
	return &c
}

// Compare orders objects as Gateway API orders policies: the older first, then by
// namespace and name.
// https://gateway-api.sigs.k8s.io/geps/gep-713/#conflict-resolution
func Compare(a, b *Object) int {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
}

// Precedence returns a clause with the reason why o has precedence over an equally specific policy.
func (o *Object) Precedence(other *Object) string {
	if o.Created.Equal(other.Created) {
		return o.String() + " is as old and comes first by name"
	}
	return o.String() + " is older"
}
