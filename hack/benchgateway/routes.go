package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/e2e/process"
)

const (
	// maxRoutes is the largest number with the digits that names of routes have.
	maxRoutes = 99_999
	// writers is the number of goroutines that create routes in parallel.
	writers = 8
)

var httpRoutes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}

func routeName(i int) string { return fmt.Sprintf("route-%05d", i) }

// grow creates routes up to the given number. Each has its own host name, and so its own virtual
// host and cluster.
func (c *cluster) grow(ctx context.Context, to int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := c.routes; i < to; i++ {
		group.Go(func() error {
			_, err := c.Admin.Objects.Resource(httpRoutes).Namespace(namespace).Create(ctx, newRoute(i), metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make %d routes: %w", to, err)
	}
	c.routes = to
	return nil
}

func newRoute(i int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": routeName(i), "namespace": namespace},
		"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": "eg"}},
			"hostnames":  []any{routeName(i) + ".example.com"},
			"rules": []any{map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/" + routeName(i)}}},
				"backendRefs": []any{map[string]any{"name": "backend", "port": int64(80)}},
			}},
		},
	}}
}

// change changes the path of a route.
func (c *cluster) change(ctx context.Context, i int, path string) error {
	patch := fmt.Sprintf(`[{"op": "replace", "path": "/spec/rules/0/matches/0/path/value", "value": %q}]`, path)
	_, err := c.Admin.Objects.Resource(httpRoutes).Namespace(namespace).Patch(ctx, routeName(i), types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("change %s: %w", routeName(i), err)
	}
	return nil
}

// waitStatus waits until Envoy Gateway has written the status of all routes, because these writes
// slow it down.
func (c *cluster) waitStatus(ctx context.Context, gateway *process.Process) error {
	return gateway.Wait(ctx, "the status of all routes", func(ctx context.Context) error {
		list, err := c.Admin.Objects.Resource(httpRoutes).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if parents, _, _ := unstructured.NestedSlice(list.Items[i].Object, "status", "parents"); len(parents) == 0 {
				return fmt.Errorf("%s has no status yet", list.Items[i].GetName())
			}
		}
		return nil
	})
}
