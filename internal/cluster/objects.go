package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// pageSize bounds a page of a list, and maxObjects a whole list.
const (
	pageSize   = 500
	maxObjects = 20000
)

// ErrTooMany means that a list was truncated.
var ErrTooMany = fmt.Errorf("more than %d objects", maxObjects)

// Get reads an object. The namespace is empty for cluster-scoped objects.
func (c *Cluster) Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	r := request{"get", of.GroupResource(), namespace, name}
	defer c.slow(r.String())()
	out, err := c.in(of, namespace).Get(ctx, name, metav1.GetOptions{})
	return out, r.failed(err)
}

// List lists the objects of a namespace that match a label selector. An empty namespace or selector
// matches all. With [ErrTooMany] it returns some of the objects.
func (c *Cluster) List(ctx context.Context, of schema.GroupVersionResource, namespace, labels string) (out []unstructured.Unstructured, err error) {
	r := request{"list", of.GroupResource(), namespace, ""}
	defer c.slow(r.String())()
	options := metav1.ListOptions{LabelSelector: labels, Limit: pageSize}
	for {
		page, err := c.in(of, namespace).List(ctx, options)
		if err != nil {
			return nil, r.failed(err)
		}
		out = append(out, page.Items...)
		switch options.Continue = page.GetContinue(); {
		case options.Continue == "":
			return out, nil
		case len(out) >= maxObjects:
			return out, r.failed(ErrTooMany)
		}
	}
}

func (c *Cluster) in(of schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.objects.Resource(of)
	}
	return c.objects.Resource(of).Namespace(namespace)
}

// Resource returns the plural resource name of a kind. An error that wraps [ErrNoKind] means that
// no CRD serves the kind.
func (c *Cluster) Resource(ctx context.Context, of schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	r := request{"get", schema.GroupResource{Group: of.Group, Resource: of.Kind}, "", ""}
	path := []string{"/apis", of.Group, of.Version}
	if of.Group == "" {
		path = []string{"/api", of.Version}
	}
	defer c.slow("read the resources of " + of.GroupVersion().String())()
	body, err := c.raw.Get().AbsPath(path...).DoRaw(ctx)
	if err = r.failed(err); errors.Is(err, ErrNotFound) {
		return schema.GroupVersionResource{}, fmt.Errorf("%s %s: %w", of.GroupVersion(), of.Kind, ErrNoKind)
	}
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("read the resources of %s: %w", of.GroupVersion(), err)
	}
	i := slices.IndexFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == of.Kind && r.Namespaced })
	if i < 0 {
		return schema.GroupVersionResource{}, fmt.Errorf("%s %s: %w", of.GroupVersion(), of.Kind, ErrNoKind)
	}
	return of.GroupVersion().WithResource(list.APIResources[i].Name), nil
}

// Version returns the version of the API server, like v1.36.3.
func (c *Cluster) Version(ctx context.Context) (string, error) {
	defer c.slow("read the version of the API server")()
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	body, err := c.raw.Get().AbsPath("/version").DoRaw(ctx)
	if err == nil {
		err = json.Unmarshal(body, &version)
	}
	if err != nil {
		return "", request{verb: "get", resource: schema.GroupResource{Resource: "version"}}.failed(err)
	}
	return version.GitVersion, nil
}

// Log returns the end of a container's log: at most the given number of lines and limit bytes.
func (c *Cluster) Log(ctx context.Context, p Pod, container string, lines, limit int64) ([]byte, error) {
	r := request{"get", schema.GroupResource{Resource: "pods/log"}, p.Namespace, p.Name}
	defer c.slow("read the log of " + container + " of pod " + p.String())()
	body, err := c.raw.Get().AbsPath("/api/v1/namespaces", p.Namespace, "pods", p.Name, "log").
		Param("container", container).Param("tailLines", strconv.FormatInt(lines, 10)).
		Param("limitBytes", strconv.FormatInt(limit, 10)).Param("timestamps", "true").Stream(ctx)
	if err != nil {
		return nil, r.failed(err)
	}
	defer body.Close()
	out, err := io.ReadAll(io.LimitReader(body, limit))
	return out, r.failed(err)
}

// Access is a permission.
type Access struct {
	// Resource is the plural name, followed by / and the subresource, if any.
	Verb, Group, Resource, Namespace string
}

// Can reports whether a user has a permission. The user of a ServiceAccount is
// system:serviceaccount:NAMESPACE:NAME.
func (c *Cluster) Can(ctx context.Context, user string, groups []string, a Access) (bool, error) {
	resource, sub, _ := strings.Cut(a.Resource, "/")
	attributes := map[string]any{"verb": a.Verb, "group": a.Group, "resource": resource}
	if sub != "" {
		attributes["subresource"] = sub
	}
	if a.Namespace != "" {
		attributes["namespace"] = a.Namespace
	}
	spec := map[string]any{"user": user, "resourceAttributes": attributes}
	if len(groups) > 0 {
		list := make([]any, len(groups))
		for i, g := range groups {
			list[i] = g
		}
		spec["groups"] = list
	}
	r := request{"create", schema.GroupResource{Group: "authorization.k8s.io", Resource: "subjectaccessreviews"}, "", ""}
	defer c.slow(r.String())()
	review, err := c.objects.Resource(r.resource.WithVersion("v1")).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
	}}, metav1.CreateOptions{})
	if err != nil {
		return false, r.failed(err)
	}
	allowed, _, err := unstructured.NestedBool(review.Object, "status", "allowed")
	return allowed, r.failed(err)
}
