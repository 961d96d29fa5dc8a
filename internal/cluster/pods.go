package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Pods and ConfigMaps are resources that this package reads.
var (
	Pods       = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	ConfigMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// Labels of pods: egraft's, as deploy/deployment sets them, and Envoy Gateway's.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/translator.go#L42
const (
	egraftLabel       = "app.kubernetes.io/name=egraft"
	envoyGatewayLabel = "control-plane=envoy-gateway"
	proxyLabels       = "app.kubernetes.io/managed-by=envoy-gateway,app.kubernetes.io/component=proxy"

	gatewayName      = "gateway.envoyproxy.io/owning-gateway-name"
	gatewayNamespace = "gateway.envoyproxy.io/owning-gateway-namespace"
	gatewayClass     = "gateway.envoyproxy.io/owning-gatewayclass"
)

// Names of containers: egraft's, as deploy sets it, and Envoy Gateway's.
const (
	EgraftContainer       = "egraft"
	EnvoyGatewayContainer = "envoy-gateway"
	EnvoyContainer        = "envoy"
)

// Pod is a pod of egraft, Envoy Gateway or Envoy.
type Pod struct {
	Namespace, Name string
	// Containers are the names of its containers, including native sidecars.
	Containers []string
	// Running and Ready are the state of the container that was searched for.
	Running, Ready bool
	// AdminPort is the port of egraft's admin listener, in pods of egraft; 0 without one.
	AdminPort uint16
	// Spec is the pod's specification.
	Spec Spec
}

// String returns namespace/name.
func (p Pod) String() string { return p.Namespace + "/" + p.Name }

// ErrNoPods is wrapped by errors if no pods were found.
var ErrNoPods = errors.New("no pods")

// Egrafts returns all replicas of egraft: pods with its label, and sidecars of Envoy Gateway named
// egraft.
func (c *Cluster) Egrafts(ctx context.Context) ([]Pod, error) {
	own, err := c.pods(ctx, c.cfg.EgraftNamespace, egraftLabel, EgraftContainer)
	if err != nil {
		return nil, notFound("egraft", "--egraft-namespace", err)
	}
	beside, err := c.pods(ctx, c.cfg.EgraftNamespace, envoyGatewayLabel, EgraftContainer)
	if err != nil {
		return nil, notFound("egraft", "--egraft-namespace", err)
	}
	out := append(own, beside...)
	for i := range out {
		out[i].AdminPort = adminPort(&out[i].Spec)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("find egraft%s: %w with label %s, or in a container named %s next to Envoy Gateway",
			in(c.cfg.EgraftNamespace), ErrNoPods, egraftLabel, EgraftContainer)
	}
	return out, oneNamespace(out, "egraft", "--egraft-namespace")
}

// EnvoyGateways returns all replicas of Envoy Gateway.
func (c *Cluster) EnvoyGateways(ctx context.Context) ([]Pod, error) {
	out, err := c.pods(ctx, c.cfg.EnvoyGatewayNamespace, envoyGatewayLabel, EnvoyGatewayContainer)
	if err != nil {
		return nil, notFound("Envoy Gateway", "--envoy-gateway-namespace", err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("find Envoy Gateway%s: %w with label %s", in(c.cfg.EnvoyGatewayNamespace), ErrNoPods, envoyGatewayLabel)
	}
	return out, oneNamespace(out, "Envoy Gateway", "--envoy-gateway-namespace")
}

// notFound wraps an error with what was searched for. If the user may not search all namespaces, it
// names the flag that restricts the search.
func notFound(what, flag string, err error) error {
	var forbidden *ForbiddenError
	if errors.As(err, &forbidden) && forbidden.Namespace == "" {
		return fmt.Errorf("find %s: %w, or use %s", what, err, flag)
	}
	return fmt.Errorf("find %s: %w", what, err)
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// oneNamespace returns an error if the pods are in several namespaces.
func oneNamespace(pods []Pod, what, flag string) error {
	var namespaces []string
	for _, p := range pods {
		namespaces = append(namespaces, p.Namespace)
	}
	slices.Sort(namespaces)
	if namespaces = slices.Compact(namespaces); len(namespaces) > 1 {
		return fmt.Errorf("pods of %s are in several namespaces: choose one with %s: %s", what, flag, strings.Join(namespaces, ", "))
	}
	return nil
}

// Envoys returns the Envoys of a Gateway. They are in Envoy Gateway's namespace, or in the
// Gateway's if so configured. With merged Gateways, class is the GatewayClass.
func (c *Cluster) Envoys(ctx context.Context, envoyGateway, namespace, name, class string) ([]Pod, error) {
	labels := proxyLabels + "," + gatewayNamespace + "=" + namespace + "," + gatewayName + "=" + name
	if class != "" {
		labels = proxyLabels + "," + gatewayClass + "=" + class
	}
	for _, where := range []string{envoyGateway, namespace} {
		out, err := c.pods(ctx, where, labels, EnvoyContainer)
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
	return nil, fmt.Errorf("find Envoys of Gateway %s/%s: %w with labels %s", namespace, name, ErrNoPods, labels)
}

// AllEnvoys returns the Envoys of all Gateways in a namespace, or in all namespaces if it is empty.
func (c *Cluster) AllEnvoys(ctx context.Context, namespace string) ([]Pod, error) {
	return c.pods(ctx, namespace, proxyLabels, EnvoyContainer)
}

// pods returns the pods with the labels that have the container.
func (c *Cluster) pods(ctx context.Context, namespace, labels, container string) (out []Pod, err error) {
	list, err := c.List(ctx, Pods, namespace, labels)
	if err != nil {
		return nil, err
	}
	for i := range list {
		var p pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list[i].Object, &p); err != nil {
			return nil, fmt.Errorf("read pod %s/%s: %w", list[i].GetNamespace(), list[i].GetName(), err)
		}
		if one := newPod(&p, container); slices.Contains(one.Containers, container) {
			out = append(out, one)
		}
	}
	return out, nil
}

func newPod(from *pod, container string) Pod {
	p := Pod{Namespace: from.Metadata.Namespace, Name: from.Metadata.Name, Spec: from.Spec}
	for _, c := range append(slices.Clone(from.Spec.InitContainers), from.Spec.Containers...) {
		p.Containers = append(p.Containers, c.Name)
	}
	for _, s := range append(slices.Clone(from.Status.InitContainerStatuses), from.Status.ContainerStatuses...) {
		if s.Name == container {
			p.Running, p.Ready = s.State.Running != nil, s.Ready
		}
	}
	return p
}
