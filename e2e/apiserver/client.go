package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/egraft/egraft/e2e/process"
)

// Client applies and reads objects as one user. Unlike [Kubectl], it needs no program, whose
// build takes minutes. It is safe for concurrent use.
type Client struct {
	// Objects has all resources.
	Objects dynamic.Interface

	discovery discovery.DiscoveryInterface
	kinds     *restmapper.DeferredDiscoveryRESTMapper
}

// NewClient returns a client with a user's configuration.
func NewClient(kubeconfig string) (*Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read a client's configuration: %w", err)
	}
	config.QPS = -1
	c := &Client{}
	if c.Objects, err = dynamic.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("create a client for %s: %w", kubeconfig, err)
	}
	if c.discovery, err = discovery.NewDiscoveryClientForConfig(config); err != nil {
		return nil, fmt.Errorf("create a client for %s: %w", kubeconfig, err)
	}
	c.kinds = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.discovery))
	return c, nil
}

// Ready returns an error until the API server is ready.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.discovery.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}

// Apply applies manifests like [Kubectl.Apply].
func (c *Client) Apply(ctx context.Context, manifests string) error {
	force := true
	return c.each(manifests, func(objects dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		body, err := json.Marshal(o)
		if err != nil {
			return err
		}
		_, err = objects.Patch(ctx, o.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "e2e", Force: &force, FieldValidation: metav1.FieldValidationStrict})
		return err
	})
}

// DryRun returns the API server's error for creating objects, without creating them. Fields that
// the API does not know are errors.
func (c *Client) DryRun(ctx context.Context, manifests string) error {
	return c.each(manifests, func(objects dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		_, err := objects.Create(ctx, o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return err
	})
}

// Delete deletes the objects of manifests, as far as they exist, and does not wait for their
// finalizers.
func (c *Client) Delete(ctx context.Context, manifests string) error {
	return c.each(manifests, func(objects dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		background := metav1.DeletePropagationBackground
		err := objects.Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// Define applies CRDs and waits until the API server serves their resources.
func (c *Client) Define(ctx context.Context, texts ...[]byte) error {
	for _, text := range texts {
		if err := c.Apply(ctx, string(text)); err != nil {
			return err
		}
	}
	definitions := c.Objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	return process.Poll(ctx, "CRDs to be established", func(ctx context.Context) error {
		list, err := definitions.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := c.served(&list.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// served returns an error until a CRD is established and its kind can be discovered, which is later.
func (c *Client) served(definition *unstructured.Unstructured) error {
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	if !slices.ContainsFunc(conditions, func(of any) bool {
		condition, ok := of.(map[string]any)
		return ok && condition["type"] == "Established" && condition["status"] == string(metav1.ConditionTrue)
	}) {
		return fmt.Errorf("%s is not established", definition.GetName())
	}
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	_, err := c.mapping(schema.GroupKind{Group: group, Kind: kind})
	return err
}

// mapping returns the resource of a kind, for which it asks the API server if it does not know the kind.
func (c *Client) mapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	mapping, err := c.kinds.RESTMapping(kind, versions...)
	if meta.IsNoMatchError(err) {
		c.kinds.Reset()
		mapping, err = c.kinds.RESTMapping(kind, versions...)
	}
	return mapping, err
}

// each calls a function for each object of manifests, in order, until one fails.
func (c *Client) each(manifests string, do func(dynamic.ResourceInterface, *unstructured.Unstructured) error) error {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read manifests: %w", err)
		}
		if len(o.Object) == 0 {
			continue // comments
		}
		objects, err := c.of(o)
		if err == nil {
			err = do(objects, o)
		}
		if err != nil {
			return fmt.Errorf("%s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
}

// of returns the client for an object's resource. The default namespace is "default".
func (c *Client) of(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := c.mapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.Objects.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(metav1.NamespaceDefault)
	}
	return c.Objects.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
}
