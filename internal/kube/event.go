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
	// controller is the reporting controller, in the format of Events.
	controller = "egraft.io/egraft"
	// action is the attempted action on the object.
	action = "Program"
	// maxInstance is the maximum length of reportingInstance in bytes, see also [maxMessage].
	maxInstance = 128
	// maxName is the maximum length of an Event's name in bytes.
	maxName = validation.DNS1123SubdomainMaxLength
)

// events writes Events. Their names depend on their content: two replicas, or one that restarts,
// write the same Event.
type events struct {
	client   dynamic.Interface
	instance string
}

func (events) rule(key, outcome) string { return "create and patch events.events.k8s.io" }

// write creates an Event. If this process wrote the same Event before, and another outcome or an
// hour came in between, write updates its count and time as long as it still exists.
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

// coded returns the message after the code of its reason, which docs/outcomes.md uses. The name of
// an Event does not depend on the code.
func coded(o outcome) string {
	code, found := finding.OfReason(string(o.reason))
	if !found { // of a feature that is not built in
		return o.message
	}
	return cut(code.ID+": "+o.message, maxMessage)
}

// series returns the patch for an Event that occurred again.
func series(count int) map[string]any {
	return map[string]any{"series": map[string]any{"count": count, "lastObservedTime": now()}}
}

func now() string { return time.Now().UTC().Format(metav1.RFC3339Micro) }

// nameOf returns the name of an Event: the object's name and an ID of the outcome.
func nameOf(k key, o outcome) string {
	id := o.id(k)
	name := k.name[:min(len(k.name), maxName-len(id)-1)]
	return strings.TrimRight(name, "-.") + "." + id
}

// namespaceOf returns the namespace for Events of an object: its own, or default for cluster-scoped
// objects.
func namespaceOf(k key) string {
	if k.namespace == "" {
		return metav1.NamespaceDefault
	}
	return k.namespace
}
