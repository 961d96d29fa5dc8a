package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/bundle"
	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/outside"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/wiring"
)

// Limits of one log.
const (
	logLines = 5000
	logBytes = 8 << 20
)

// Resources to collect in addition to custom resources.
var (
	events   = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
	gateways = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}
)

// inCluster collects from a cluster. It records what is unavailable and collects the rest.
func (c *collecting) inCluster(ctx context.Context, k *cluster.Cluster) {
	server, err := k.Version(ctx)
	c.JSON("kubernetes.json", map[string]string{"version": server}, err)
	needs := wiring.NeedsOf(c.settings.features)
	f := &doctor.Facts{Now: time.Now(), Needs: needs, Socket: c.settings.socket()}
	survey.Cluster(ctx, k, f)
	c.doctor(f)

	var pods []cluster.Pod
	egrafts, err := k.Egrafts(ctx)
	pods = append(pods, egrafts...)
	c.missing("egraft", err)
	all, err := c.program.replicas(ctx, k)
	c.missing("egraft", err)
	for _, r := range all {
		c.egraft(ctx, r)
	}
	if self, err := c.program.self(ctx, all); err == nil && len(all) > 0 {
		needs = self.Needs
	}
	c.explained(ctx, k, all, needs)

	gatewayPods, err := k.EnvoyGateways(ctx)
	c.missing("envoy-gateway", err)
	namespace := ""
	if len(gatewayPods) > 0 {
		namespace = gatewayPods[0].Namespace
		object, err := k.Get(ctx, cluster.ConfigMaps, namespace, "envoy-gateway-config")
		text := ""
		if err == nil {
			text, _, err = unstructured.NestedString(object.Object, "data", "envoy-gateway.yaml")
		}
		c.gateway([]byte(text), err)
	}
	for _, p := range gatewayPods {
		if !slices.ContainsFunc(pods, func(o cluster.Pod) bool { return o.String() == p.String() }) {
			pods = append(pods, p)
		}
	}
	c.pods(ctx, k, pods)
	kinds := c.policies(ctx, k, needs)
	c.events(ctx, k, kinds, namespace)
}

// missing records what could not be found.
func (c *collecting) missing(what string, err error) {
	if err != nil {
		c.Text(what, nil, err)
	}
}

// explained adds the report on all policies, and the Envoys of their Gateways.
func (c *collecting) explained(ctx context.Context, k *cluster.Cluster, all []replica, needs wiring.Needs) {
	if len(all) == 0 {
		c.missing("explain.json", errors.New("no egraft can be queried"))
		return
	}
	r, err := c.program.ask(ctx, all, explain.Request{Diff: true, Seen: true, Wanted: true})
	if err != nil {
		c.missing("explain.json", err)
		return
	}
	around := &outside.Kubernetes{Cluster: k, Needs: needs}
	r.Complete(around.Objects(ctx, explain.Subject{}))
	outside.Complete(ctx, around, r)
	r.DropWanted()
	c.JSON("explain.json", r, nil)
	done := map[string]bool{}
	for _, gateway := range r.Calls.Gateways {
		envoys, err := around.Envoys(ctx, gateway)
		c.missing("envoys of Gateway "+gateway, err)
		for _, e := range envoys {
			if !done[e.Name] {
				done[e.Name] = true
				c.envoy(ctx, e)
			}
		}
	}
}

// container is what the bundle contains of a container: no environment, which can contain secrets.
type container struct {
	Name  string   `json:"name"`
	Image string   `json:"image"`
	Args  []string `json:"args,omitempty"`
}

// pods adds a description of pods, and the logs of egraft and Envoy Gateway.
func (c *collecting) pods(ctx context.Context, k *cluster.Cluster, pods []cluster.Pod) {
	var list []map[string]any
	for _, p := range pods {
		var containers []container
		for _, one := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
			containers = append(containers, newContainer(&one))
			if one.Name == cluster.EgraftContainer || one.Name == cluster.EnvoyGatewayContainer {
				log, err := k.Log(ctx, p, one.Name, logLines, logBytes)
				if err == nil && len(log) >= logBytes {
					err = bundle.ErrCut
				}
				c.Text("logs/"+bundle.Name(p.String())+"/"+one.Name+".log", bundle.Clean(log), err)
			}
		}
		list = append(list, map[string]any{"pod": p.String(), "running": p.Running, "ready": p.Ready, "containers": containers})
	}
	c.JSON("pods.json", list, nil)
}

func newContainer(from *cluster.Container) container {
	out := container{Name: from.Name, Image: from.Image}
	if from.Name == cluster.EgraftContainer {
		out.Args = from.Args
	}
	return out
}

// policies adds the custom resources and the Gateways, and returns their kinds.
func (c *collecting) policies(ctx context.Context, k *cluster.Cluster, needs wiring.Needs) (kinds []string) {
	for _, of := range needs.GroupVersionKinds() {
		kinds = append(kinds, of.Kind)
		resource, err := k.Resource(ctx, of)
		var all []unstructured.Unstructured
		if err == nil {
			all, err = k.List(ctx, resource, "", "")
		}
		c.JSON("objects/"+bundle.Name(of.Kind)+".json", stripped(all), err)
	}
	all, err := k.List(ctx, gateways, "", "")
	c.JSON("objects/Gateway.json", stripped(all), err)
	return append(kinds, "Gateway")
}

// events adds the events about the kinds, and the events in a namespace.
func (c *collecting) events(ctx context.Context, k *cluster.Cluster, kinds []string, namespace string) {
	all, err := k.List(ctx, events, "", "")
	all = slices.DeleteFunc(all, func(e unstructured.Unstructured) bool {
		kind, _, err := unstructured.NestedString(e.Object, "regarding", "kind")
		return e.GetNamespace() != namespace && (err != nil || !slices.Contains(kinds, kind))
	})
	c.JSON("events.json", stripped(all), err)
}

// stripped removes annotations, which contain whole objects, and managed fields.
func stripped(all []unstructured.Unstructured) []unstructured.Unstructured {
	for i := range all {
		all[i].SetManagedFields(nil)
		all[i].SetAnnotations(nil)
	}
	return all
}
