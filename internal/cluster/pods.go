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

// Resources that are read.
var (
	Pods       = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	ConfigMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// Labels of pods: egraft's of deploy/deployment, and Envoy Gateway's.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/translator.go#L42
const (
	egraftLabel       = "app.kubernetes.io/name=egraft"
	envoyGatewayLabel = "control-plane=envoy-gateway"
	proxyLabels       = "app.kubernetes.io/managed-by=envoy-gateway,app.kubernetes.io/component=proxy"

	gatewayName      = "gateway.envoyproxy.io/owning-gateway-name"
	gatewayNamespace = "gateway.envoyproxy.io/owning-gateway-namespace"
	gatewayClass     = "gateway.envoyproxy.io/owning-gatewayclass"
)

// Container names: egraft's in deploy, and Envoy Gateway's.
const (
	EgraftContainer       = "egraft"
	EnvoyGatewayContainer = "envoy-gateway"
	EnvoyContainer        = "envoy"
)

// Pod is a pod of interest.
type Pod struct {
	Namespace, Name string
	// Containers are the names of its containers, native sidecars included.
	Containers []string
	// Running is whether the container of interest runs, and Ready whether it is ready.
	Running, Ready bool
	// AdminPort is that of egraft's admin listener, in pods of egraft; 0 if it has none.
	AdminPort uint16
	// Spec is the pod's specification, and ServiceAccount the name of its account.
	Spec Spec
}

// String is the pod's namespace/name.
func (p Pod) String() string { return p.Namespace + "/" + p.Name }

// ErrNoPods is what errors wrap if there are none.
var ErrNoPods = errors.New("no pods")

// Egrafts finds all replicas of egraft: pods with its label, and sidecars named egraft of Envoy
// Gateway.
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

// EnvoyGateways finds all replicas of Envoy Gateway.
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

// notFound says what was looked for, and what to do without the right to look everywhere.
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

// oneNamespace makes pods in several namespaces an error.
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

// Envoys finds the Envoys of a Gateway. They are in Envoy Gateway's namespace, or in that of the
// Gateway if it is configured so. With merged Gateways, class is the GatewayClass.
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

// AllEnvoys finds the Envoys of all Gateways, in a namespace or in all.
func (c *Cluster) AllEnvoys(ctx context.Context, namespace string) ([]Pod, error) {
	return c.pods(ctx, namespace, proxyLabels, EnvoyContainer)
}

// pods are those with labels that have a container.
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
