package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

// sidecars returns the facts about the pods of Envoy Gateway.
func sidecars(gateways, egrafts []cluster.Pod) (out []doctor.Sidecar) {
	for _, g := range gateways {
		s := doctor.Sidecar{
			Pod: g.String(), Present: slices.Contains(g.Containers, cluster.EgraftContainer),
			Gateway: mounts(&g.Spec, cluster.EnvoyGatewayContainer), Egraft: mounts(&g.Spec, cluster.EgraftContainer),
		}
		for _, e := range egrafts {
			s.Ready = s.Ready || e.String() == g.String() && e.Ready
		}
		out = append(out, s)
	}
	return out
}

// mounts returns the mounts of a container.
func mounts(spec *cluster.Spec, container string) (out []doctor.Mount) {
	for _, c := range append(slices.Clone(spec.InitContainers), spec.Containers...) {
		if c.Name != container {
			continue
		}
		for _, m := range c.VolumeMounts {
			out = append(out, doctor.Mount{Path: m.MountPath, Volume: m.Name, SubPath: m.SubPath})
		}
	}
	return out
}

// definitions is the resource of CRDs.
var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// definitionsOf returns which kinds are served, their resources, and the hashes of their schemas.
// Without permission to read CRDs, there are no hashes.
func definitionsOf(ctx context.Context, c *cluster.Cluster, kinds []wiring.Kind) (doctor.Fact[doctor.CRDs], map[wiring.Kind]string) {
	out, plurals := doctor.CRDs{Schemas: map[string]string{}, Extends: map[string]string{}}, map[wiring.Kind]string{}
	for _, k := range kinds {
		r, err := c.Resource(ctx, schema.GroupVersionKind(k))
		if errors.Is(err, cluster.ErrNoKind) {
			out.Missing = append(out.Missing, k)
			continue
		}
		if err != nil {
			return unknown[doctor.CRDs](err), nil
		}
		plurals[k] = r.Resource
		name := r.Resource + "." + r.Group
		crd, err := c.Get(ctx, definitions, "", name)
		if err != nil {
			continue
		}
		if err := compare(&out, crd.Object, name+"/"+k.Version); err != nil {
			return unknown[doctor.CRDs](fmt.Errorf("CRD %s: %w", name, err)), nil
		}
	}
	return doctor.Known(out), plurals
}

// compare adds the schema of a CRD version.
func compare(to *doctor.CRDs, crd map[string]any, version string) error {
	of, err := crds.SchemasOf(crd)
	if err != nil {
		return err
	}
	extends, err := crds.Extends(crd)
	if err != nil {
		return err
	}
	to.Schemas[version], to.Extends[version] = of[version], extends[version]
	return nil
}

// accountName returns the name of a pod's ServiceAccount.
func accountName(p *cluster.Pod) string { return cmp.Or(p.Spec.ServiceAccountName, "default") }

// account returns the user of a pod.
func account(p *cluster.Pod) string {
	return "system:serviceaccount:" + p.Namespace + ":" + accountName(p)
}

// groups returns the groups of the ServiceAccounts of a namespace.
func groups(namespace string) []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
}

// question is a permission to check, with its API group.
type question struct {
	permission doctor.Permission
	group      string
}

// permissions checks what accounts may do.
func permissions(ctx context.Context, c *cluster.Cluster, gateway, egraft *cluster.Pod, needs *wiring.Needs, plurals map[wiring.Kind]string, namespaces []string) doctor.Fact[[]doctor.Permission] {
	var out []doctor.Permission
	for _, q := range questions(gateway, egraft, needs, plurals, namespaces) {
		pod := gateway
		if q.permission.Whose == doctor.OfEgraft {
			pod = egraft
		}
		allowed, err := c.Can(ctx, q.permission.Account, groups(pod.Namespace), cluster.Access{
			Verb: q.permission.Verb, Group: q.group, Resource: q.permission.Resource, Namespace: q.permission.Namespace,
		})
		if err != nil {
			return unknown[[]doctor.Permission](err)
		}
		q.permission.Allowed = allowed
		plural, sub, found := strings.Cut(q.permission.Resource, "/")
		if q.permission.Resource = plural + "." + q.group; found {
			q.permission.Resource += "/" + sub
		}
		out = append(out, q.permission)
	}
	return doctor.Known(out)
}

// questions returns the permissions granted by deploy/rbac.
func questions(gateway, egraft *cluster.Pod, needs *wiring.Needs, plurals map[wiring.Kind]string, namespaces []string) (out []question) {
	add := func(whose doctor.Owner, pod *cluster.Pod, namespace, group, resource string, verbs ...string) {
		for _, v := range verbs {
			out = append(out, question{doctor.Permission{
				Account: account(pod), Whose: whose, Verb: v, Resource: resource, Namespace: namespace,
			}, group})
		}
	}
	for _, namespace := range namespaces {
		for _, k := range slices.Concat(needs.Policies, needs.Filters, needs.Backends) {
			if plural := plurals[k]; plural != "" {
				add(doctor.OfEnvoyGateway, gateway, namespace, k.Group, plural, "get", "list", "watch")
			}
		}
		for _, k := range needs.Policies {
			if plural := plurals[k]; plural != "" {
				add(doctor.OfEnvoyGateway, gateway, namespace, k.Group, plural+"/status", "update")
			}
		}
	}
	if egraft == nil {
		return out
	}
	add(doctor.OfEgraft, egraft, "", "events.k8s.io", "events", "create", "patch")
	for _, k := range slices.Concat(needs.Filters, needs.Backends) {
		if plural := plurals[k]; plural != "" {
			add(doctor.OfEgraft, egraft, "", k.Group, plural, "get")
			add(doctor.OfEgraft, egraft, "", k.Group, plural+"/status", "patch")
		}
	}
	return out
}

// watched returns the namespaces in which Envoy Gateway needs its permissions: all, unless its
// configuration has a list.
func watched(f *doctor.Facts) []string {
	for _, c := range []doctor.Fact[doctor.Configuration]{f.Running, f.Written} {
		if !c.Known {
			continue
		}
		if k := c.Value.Kubernetes(); k != nil && k.Watch != nil && len(k.Watch.Namespaces) > 0 {
			return k.Watch.Namespaces
		}
	}
	return []string{""}
}
