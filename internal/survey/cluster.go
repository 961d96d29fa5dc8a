package survey

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

// gatewayAdminPort is the port of Envoy Gateway's admin server, on loopback.
const gatewayAdminPort = 19000

// Cluster adds the facts from a cluster.
func Cluster(ctx context.Context, c *cluster.Cluster, f *doctor.Facts) {
	pods, err := c.Egrafts(ctx)
	if err != nil {
		f.Egrafts = unknown[[]doctor.Egraft](err)
	} else {
		f.Egrafts = egrafts(ctx, c, pods)
	}
	gateways, err := c.EnvoyGateways(ctx)
	if err != nil {
		f.Written, f.Running = unknown[doctor.Configuration](err), unknown[doctor.Configuration](err)
		f.Sidecars, f.Permissions = unknown[[]doctor.Sidecar](err), unknown[[]doctor.Permission](err)
		f.Envoys, f.Patches = unknown[[]doctor.Envoy](err), unknown[[]doctor.Patch](err)
		f.CRDs, _ = definitionsOf(ctx, c, kinds(f))
		return
	}
	f.Written = written(ctx, c, gateways[0].Namespace)
	f.Running, f.Patches = running(ctx, c, gateways)
	f.Envoys = envoysIn(ctx, c, f, gateways[0].Namespace)
	f.Sidecars = doctor.Known(sidecars(gateways, pods))
	definitions, plurals := definitionsOf(ctx, c, kinds(f))
	f.CRDs = definitions
	var egraft *cluster.Pod
	if len(pods) > 0 {
		egraft = &pods[0]
	}
	needs := f.NeedsOfEgraft()
	if f.LacksRouteTargets() {
		f.Routed = routed(ctx, c, needs.Policies, plurals)
	}
	f.Permissions = permissions(ctx, c, &gateways[0], egraft, &needs, plurals, watched(f))
}

// kinds returns the kinds of all custom resources that features need.
func kinds(f *doctor.Facts) []wiring.Kind {
	n := f.NeedsOfEgraft()
	return slices.Concat(n.Policies, n.Filters, n.Backends)
}

// egrafts queries all replicas. If one does not respond, the fact is unknown.
func egrafts(ctx context.Context, c *cluster.Cluster, pods []cluster.Pod) doctor.Fact[[]doctor.Egraft] {
	var out []doctor.Egraft
	for _, p := range pods {
		if p.AdminPort == 0 {
			return unknown[[]doctor.Egraft](fmt.Errorf("the admin address of pod %s is off", p))
		}
		e, err := Egraft(ctx, forward(c, p, p.AdminPort))
		if err != nil {
			return unknown[[]doctor.Egraft](err)
		}
		out = append(out, e)
	}
	return doctor.Known(out)
}

// forward returns an endpoint in a pod. Its server checks the Host header.
func forward(c *cluster.Cluster, p cluster.Pod, port uint16) Endpoint {
	return Endpoint{Name: "pod " + p.String(), Transport: c.Transport(p, port), Address: fmt.Sprintf("127.0.0.1:%d", port)}
}

func written(ctx context.Context, c *cluster.Cluster, namespace string) doctor.Fact[doctor.Configuration] {
	const name, key = "envoy-gateway-config", "envoy-gateway.yaml"
	object, err := c.Get(ctx, cluster.ConfigMaps, namespace, name)
	if err != nil {
		return unknown[doctor.Configuration](err)
	}
	data, _ := object.Object["data"].(map[string]any)
	text, _ := data[key].(string)
	return configuration("ConfigMap "+namespace+"/"+name, []byte(text))
}

// running queries the first Envoy Gateway that responds. If it was built without a version, the
// version of its image is used.
func running(ctx context.Context, c *cluster.Cluster, pods []cluster.Pod) (fact doctor.Fact[doctor.Configuration], patches doctor.Fact[[]doctor.Patch]) {
	for _, p := range pods {
		at := forward(c, p, gatewayAdminPort)
		if fact = EnvoyGateway(ctx, at); fact.Known {
			fact.Value.Version = cmp.Or(fact.Value.Version, p.EnvoyGatewayVersion())
			return fact, Patches(ctx, at)
		}
	}
	return fact, doctor.Unknown[[]doctor.Patch](fact.Why)
}
