package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/egraft/egraft/pkg/mutator"
)

// accepted and programmed are condition types of Gateway API.
const (
	accepted   = "Accepted"
	programmed = "Programmed"
)

// conditions writes status.conditions.
type conditions struct{ client dynamic.Interface }

func (conditions) rule(k key, o outcome) string {
	resource := o.resource + "." + k.kind.Group
	return fmt.Sprintf("get %s and patch %s/status", resource, resource)
}

// write reads the object and applies its conditions if they differ. The patch names the
// resourceVersion that it read: if two replicas find the same difference, one writes, and the other
// finds nothing to do when it retries.
func (c conditions) write(ctx context.Context, k key, o outcome, _ int) (result, error) {
	of := c.client.Resource(k.kind.GroupVersion().WithResource(o.resource)).Namespace(k.namespace)
	live, err := of.Get(ctx, k.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && live.GetUID() != o.uid {
		return outdated, nil
	}
	if err != nil {
		return "", err
	}
	there, err := conditionsOf(live)
	if err != nil {
		return rejected, fmt.Errorf("read status.conditions: %w", err)
	}
	if r := update(&there, o); r != written {
		return r, nil
	}
	apply, err := application(live, there)
	if err != nil {
		return rejected, err
	}
	_, err = of.ApplyStatus(ctx, k.name, apply, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if apierrors.IsNotFound(err) {
		return rejected, fmt.Errorf("apply %s/status (it was read, so the CRD may lack the status subresource): %w", o.resource, err)
	}
	return written, err
}

// conditionsOf returns the conditions that egraft writes; others belong to other controllers.
func conditionsOf(live *unstructured.Unstructured) ([]metav1.Condition, error) {
	var object struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &object); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(object.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type != accepted && c.Type != programmed
	}), nil
}

// update changes conditions to match the outcome, unless they are of a newer generation. A
// condition keeps its transition time while its status stays the same.
func update(there *[]metav1.Condition, o outcome) result {
	for _, c := range *there {
		if c.ObservedGeneration > o.generation {
			return outdated
		}
	}
	r := present
	for _, c := range wanted(o) {
		if meta.SetStatusCondition(there, c) {
			r = written
		}
	}
	return r
}

// wanted returns the conditions for an outcome. Accepted depends on the object alone. The reasons
// are those of Gateway API (GEP-713).
func wanted(o outcome) []metav1.Condition {
	a := metav1.Condition{Type: accepted, Status: metav1.ConditionTrue, Reason: accepted, ObservedGeneration: o.generation}
	p := metav1.Condition{Type: programmed, Status: metav1.ConditionFalse, Reason: string(o.reason), Message: o.message, ObservedGeneration: o.generation}
	switch o.reason {
	case mutator.Programmed:
		p.Status = metav1.ConditionTrue
	case mutator.Invalid, mutator.Conflicted, mutator.TargetNotFound:
		a.Status, a.Reason, a.Message = metav1.ConditionFalse, string(o.reason), o.message
	}
	return []metav1.Condition{a, p}
}

// application returns the patch for the API server.
func application(live *unstructured.Unstructured, list []metav1.Condition) (*unstructured.Unstructured, error) {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&struct {
		Conditions []metav1.Condition `json:"conditions"`
	}{list})
	if err != nil {
		return nil, fmt.Errorf("encode conditions: %w", err)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": live.GetAPIVersion(), "kind": live.GetKind(),
		"metadata": map[string]any{
			"namespace": live.GetNamespace(), "name": live.GetName(), "resourceVersion": live.GetResourceVersion(),
		},
		"status": status,
	}}, nil
}
