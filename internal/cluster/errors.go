package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrNotFound is wrapped by errors for an object that does not exist.
var ErrNotFound = errors.New("not found")

// ErrNoKind is wrapped by errors for a kind that the API server does not have: its CRD is not
// installed or does not serve the version.
var ErrNoKind = errors.New("the API server does not serve this kind")

// ForbiddenError means that the user of the kubeconfig lacks a permission.
type ForbiddenError struct {
	Verb, Group, Resource, Namespace string
}

// Error implements error.
func (e *ForbiddenError) Error() string {
	resource := schema.GroupResource{Group: e.Group, Resource: e.Resource}.String()
	where, flag := "in all namespaces", " --all-namespaces"
	if e.Namespace != "" {
		where, flag = "in namespace "+e.Namespace, " --namespace "+e.Namespace
	}
	return fmt.Sprintf("forbidden: needs verb %s on %s %s; see `kubectl auth can-i %s %s%s`", e.Verb, resource, where, e.Verb, resource, flag)
}

// request describes the request of an error.
type request struct {
	verb      string
	resource  schema.GroupResource
	namespace string
	name      string // may be empty
}

// String returns text like "get configmaps envoy-gateway-system/envoy-gateway-config".
func (r request) String() string {
	out := r.verb + " " + r.resource.String()
	switch {
	case r.namespace != "" && r.name != "":
		return out + " " + r.namespace + "/" + r.name
	case r.name != "":
		return out + " " + r.name
	case r.namespace != "":
		return out + " in namespace " + r.namespace
	}
	return out
}

// failed wraps an error of a request with a description, and returns nil for nil.
func (r request) failed(err error) error {
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		err = &ForbiddenError{r.verb, r.resource.Group, r.resource.Resource, r.namespace}
	case apierrors.IsUnauthorized(err):
		err = errors.New("the API server does not accept the credentials of the kubeconfig")
	case apierrors.IsNotFound(err):
		err = ErrNotFound
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		err = fmt.Errorf("the API server did not respond in time: %w", context.DeadlineExceeded)
	}
	return fmt.Errorf("%s: %w", r, err)
}
