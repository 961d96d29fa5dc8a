package outside

import (
	"context"
	"errors"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/wiring"
)

// The Kubernetes resources that are read.
var (
	gateways   = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// The ConfigMap with Envoy Gateway's configuration.
const (
	configMap = "envoy-gateway-config"
	configKey = "envoy-gateway.yaml"
)

// Kubernetes queries the surroundings in a cluster. It is for a single use, and not safe for
// concurrent use.
type Kubernetes struct {
	Cluster *cluster.Cluster
	// Needs are what egraft's features need from Envoy Gateway's configuration, and Socket is
	// egraft's socket.
	Needs  wiring.Needs
	Socket string

	gateway *gateway
	kinds   map[wiring.Kind]*kind
	labels  map[string]map[string]string // of namespaces
}

// gateway is the information about Envoy Gateway.
type gateway struct {
	namespace string
	version   string
	config    *wiring.Config
	err       error // why some information is missing
}

// kind is the information about a kind, with its objects.
type kind struct {
	resource schema.GroupVersionResource
	err      error
	// objects are all objects, by namespace/name, if they were listed.
	objects map[string]*unstructured.Unstructured
	listed  bool
}

// manyPolicies is the number of objects from which on they are listed instead of fetched one by one.
const manyPolicies = 10

// Known implements [Surroundings].
func (k *Kubernetes) Known(ctx context.Context, policies []*explain.Policy) []*known.Facts {
	out := make([]*known.Facts, len(policies))
	for i, p := range policies {
		out[i] = k.facts(ctx, p, len(policies) >= manyPolicies)
	}
	return out
}

// facts gathers the facts about a custom resource.
func (k *Kubernetes) facts(ctx context.Context, p *explain.Policy, many bool) *known.Facts {
	g := k.envoyGateway(ctx)
	f := &known.Facts{
		Kind: k.kindOf(p), Namespace: p.Namespace, Name: p.Name,
		Config: g.config, Needs: &k.Needs, Socket: k.Socket, Release: g.version,
	}
	note(f, g.err)
	if f.Version == "" {
		note(f, errors.New("no enabled feature of egraft reads the kind"))
		return f
	}
	of := k.objects(ctx, f.Kind, many)
	if errors.Is(of.err, cluster.ErrNoKind) {
		f.Installed = known.Absent
		return f
	}
	if of.err != nil {
		note(f, of.err)
		return f
	}
	f.Installed = known.There
	k.object(ctx, f, of)
	if g.config == nil {
		return f
	}
	if w := g.config.Kubernetes(); w != nil && w.Watch != nil && w.Watch.NamespaceSelector != nil {
		labels, err := k.namespaceLabels(ctx, p.Namespace)
		f.NamespaceLabels = labels
		note(f, err)
	}
	return f
}

func note(f *known.Facts, err error) {
	if err != nil {
		f.Missing = append(f.Missing, err.Error())
	}
}

// kindOf returns the kind of a policy with the version that egraft reads.
func (k *Kubernetes) kindOf(p *explain.Policy) wiring.Kind {
	for _, one := range slices.Concat(k.Needs.Policies, k.Needs.Filters, k.Needs.Backends) {
		if one.Group == p.Group && one.Kind == p.Kind {
			return one
		}
	}
	return wiring.Kind{Group: p.Group, Kind: p.Kind}
}

// envoyGateway finds Envoy Gateway and reads its configuration.
func (k *Kubernetes) envoyGateway(ctx context.Context) *gateway {
	if k.gateway != nil {
		return k.gateway
	}
	k.gateway = &gateway{}
	pods, err := k.Cluster.EnvoyGateways(ctx)
	if err != nil {
		k.gateway.err = err
		return k.gateway
	}
	k.gateway.namespace, k.gateway.version = pods[0].Namespace, pods[0].EnvoyGatewayVersion()
	object, err := k.Cluster.Get(ctx, cluster.ConfigMaps, k.gateway.namespace, configMap)
	if err != nil {
		k.gateway.err = err
		return k.gateway
	}
	text, _, err := unstructured.NestedString(object.Object, "data", configKey)
	if err == nil {
		k.gateway.config, err = wiring.Parse([]byte(text))
	}
	k.gateway.err = err
	return k.gateway
}

// objects returns the resource of a kind, and lists its objects if there are many to look up.
func (k *Kubernetes) objects(ctx context.Context, of wiring.Kind, many bool) *kind {
	out := k.kinds[of]
	if out == nil {
		if k.kinds == nil {
			k.kinds = map[wiring.Kind]*kind{}
		}
		out = &kind{}
		out.resource, out.err = k.Cluster.Resource(ctx, schema.GroupVersionKind{Group: of.Group, Version: of.Version, Kind: of.Kind})
		k.kinds[of] = out
	}
	if many && out.err == nil {
		out.list(ctx, k.Cluster)
	}
	return out
}

// list lists all objects, once. Without permission to list, objects are fetched one by one.
func (o *kind) list(ctx context.Context, c *cluster.Cluster) {
	if o.listed {
		return
	}
	o.listed = true
	all, err := c.List(ctx, o.resource, "", "")
	if err != nil {
		return
	}
	o.objects = map[string]*unstructured.Unstructured{}
	for i := range all {
		o.objects[all[i].GetNamespace()+"/"+all[i].GetName()] = &all[i]
	}
}

// object looks up one object.
func (k *Kubernetes) object(ctx context.Context, f *known.Facts, of *kind) {
	object, err := of.objects[f.Namespace+"/"+f.Name], error(nil)
	if object == nil {
		object, err = k.Cluster.Get(ctx, of.resource, f.Namespace, f.Name)
	}
	switch {
	case errors.Is(err, cluster.ErrNotFound):
		of.list(ctx, k.Cluster)
		f.Exists, f.Near = known.Absent, of.near(f.Namespace, f.Name)
	case err != nil:
		note(f, err)
	default:
		f.Exists, f.Generation, f.Ancestors = known.There, object.GetGeneration(), ancestors(object)
		f.RouteTargets, f.OtherTargets = cluster.RouteTargets(object)
	}
}

// near returns objects with similar names, and those with the same name in other namespaces.
func (o *kind) near(namespace, name string) (near []string) {
	var all []string
	for title, object := range o.objects {
		if object.GetName() == name {
			near = append(near, title)
		}
		all = append(all, title)
	}
	if len(near) == 0 {
		near = explain.Nearest(namespace+"/"+name, all, 3)
	}
	slices.Sort(near)
	return near[:min(len(near), 3)]
}

// ancestors reads the status entries that Envoy Gateway wrote to a policy.
func ancestors(object *unstructured.Unstructured) (out []known.Ancestor) {
	var status struct {
		Status struct {
			Ancestors []struct {
				AncestorRef struct {
					Namespace string `json:"namespace"`
					Name      string `json:"name"`
				} `json:"ancestorRef"`
				Conditions []metav1.Condition `json:"conditions"`
			} `json:"ancestors"`
		} `json:"status"`
	}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &status) != nil {
		return nil // the status has another form
	}
	for _, a := range status.Status.Ancestors {
		name := a.AncestorRef.Name
		if a.AncestorRef.Namespace != "" {
			name = a.AncestorRef.Namespace + "/" + name
		}
		out = append(out, known.Ancestor{Gateway: name, Conditions: a.Conditions})
	}
	return out
}

func (k *Kubernetes) namespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	if labels, read := k.labels[name]; read {
		return labels, nil
	}
	object, err := k.Cluster.Get(ctx, namespaces, "", name)
	if err != nil {
		return nil, err
	}
	if k.labels == nil {
		k.labels = map[string]map[string]string{}
	}
	k.labels[name] = object.GetLabels()
	if k.labels[name] == nil {
		k.labels[name] = map[string]string{}
	}
	return k.labels[name], nil
}
