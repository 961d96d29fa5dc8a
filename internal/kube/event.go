package kube

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// controller is who reports, in the form that Events want.
	controller = "egraft.io/egraft"
	// action is what was tried with the object.
	action = "Program"
	// maxInstance is the longest reportingInstance in bytes, next to [maxMessage].
	maxInstance = 128
	// maxName is the longest name of an Event in bytes.
	maxName = validation.DNS1123SubdomainMaxLength
)

// events writes Events. Their names follow from what they say: two replicas, or one that
// was restarted, write one Event.
type events struct {
	client   dynamic.Interface
	instance string
}

func (events) rule(key, outcome) string { return "create and patch events.events.k8s.io" }

// write creates an Event. One that this process wrote before, so that something else was
// true in between or an hour has passed, gets a count and a new time, as long as it is
// still there.
func (e events) write(ctx context.Context, k key, o outcome, before int) (result, error) {
	in := e.client.Resource(schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}).Namespace(namespaceOf(k))
	if before > 0 {
		patch, err := json.Marshal(series(before + 1))
		if err != nil {
			return rejected, err
		}
		_, err = in.Patch(ctx, nameOf(k, o), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager})
		if !apierrors.IsNotFound(err) {
			return repeated, err
		}
	}
	_, err := in.Create(ctx, e.event(k, o), metav1.CreateOptions{FieldManager: manager})
	if apierrors.IsAlreadyExists(err) {
		return present, nil
	}
	return written, err
}

func (e events) event(k key, o outcome) *unstructured.Unstructured {
	kind := "Warning"
	if o.reason == mutator.Programmed || o.reason == mutator.Shadow {
		kind = "Normal"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion":          "events.k8s.io/v1",
		"kind":                "Event",
		"metadata":            map[string]any{"name": nameOf(k, o), "namespace": namespaceOf(k)},
		"eventTime":           now(),
		"reportingController": controller,
		"reportingInstance":   cut(e.instance, maxInstance),
		"action":              action,
		"type":                kind,
		"reason":              string(o.reason),
		"note":                coded(o),
		"regarding": map[string]any{
			"apiVersion": k.kind.GroupVersion().String(), "kind": k.kind.Kind,
			"namespace": k.namespace, "name": k.name, "uid": string(o.uid),
		},
	}}
}

// coded is the message behind the code of the reason, by which docs/outcomes.md is sorted. The name of
// an Event does not depend on the code.
func coded(o outcome) string {
	code, found := finding.OfReason(string(o.reason))
	if !found { // of a feature that is not built in
		return o.message
	}
	return cut(code.ID+": "+o.message, maxMessage)
}

// series says that an Event was seen again.
func series(count int) map[string]any {
	return map[string]any{"series": map[string]any{"count": count, "lastObservedTime": now()}}
}

func now() string { return time.Now().UTC().Format(metav1.RFC3339Micro) }

// nameOf is the object's name and what makes the Event different from others of it.
func nameOf(k key, o outcome) string {
	id := o.id(k)
	name := k.name[:min(len(k.name), maxName-len(id)-1)]
	return strings.TrimRight(name, "-.") + "." + id
}

// namespaceOf is where Events of an object are; those of objects without a namespace are
// in default.
func namespaceOf(k key) string {
	if k.namespace == "" {
		return metav1.NamespaceDefault
	}
	return k.namespace
}
