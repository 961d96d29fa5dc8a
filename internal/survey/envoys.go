package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/envoyadmin"
)

// Envoys queries Envoys on this host at the addresses of their admin interfaces.
func Envoys(ctx context.Context, addresses []string) doctor.Fact[[]doctor.Envoy] {
	if len(addresses) == 0 {
		return doctor.Unknown[[]doctor.Envoy]("no --envoy-admin is set")
	}
	var out []doctor.Envoy
	for _, a := range addresses {
		e := doctor.Envoy{Name: "Envoy at " + a}
		ask(ctx, &e, redirected{a})
		out = append(out, e)
	}
	return doctor.Known(out)
}

// redirected sends requests to an address, whatever host they name.
type redirected struct{ address string }

// RoundTrip implements http.RoundTripper.
func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Host = r.address
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
}

// ask fills in the facts about an Envoy.
func ask(ctx context.Context, e *doctor.Envoy, transport http.RoundTripper) {
	ctx, cancel := context.WithTimeout(ctx, envoyTimeout)
	defer cancel()
	contexts, rejections, err := envoyadmin.Envoy{Name: e.Name, Transport: transport}.Security(ctx)
	if e.Contexts, e.Rejections = contexts, rejections; err != nil {
		e.Err = err.Error()
	}
}

// Limits: a config dump of 50,000 clusters takes many seconds, and there may be hundreds of Envoys.
const (
	envoyTimeout = 3 * timeout
	maxEnvoys    = 50
	atOnce       = 8
)

// envoysIn queries the Envoys of Envoy Gateway in a namespace, or with GatewayNamespaceMode those in
// all namespaces. Anyone can give a pod in their own namespace the labels of an Envoy.
func envoysIn(ctx context.Context, c *cluster.Cluster, f *doctor.Facts, gateway string) doctor.Fact[[]doctor.Envoy] {
	where := gateway
	if inGatewayNamespaces(f) {
		where = ""
	}
	pods, err := c.AllEnvoys(ctx, where)
	if err != nil {
		return unknown[[]doctor.Envoy](err)
	}
	if len(pods) == 0 {
		return unknown[[]doctor.Envoy](errors.New("Envoy Gateway has no Envoys"))
	}
	pods, more := inTurns(pods)
	out := make([]doctor.Envoy, len(pods))
	var asked errgroup.Group
	asked.SetLimit(atOnce)
	for i, p := range pods {
		out[i] = doctor.Envoy{
			Name: "pod " + p.String(), InPod: true, Mounts: mounts(&p.Spec, cluster.EnvoyContainer),
			Namespace: p.Namespace, Account: accountName(&p), Elsewhere: p.Namespace != gateway,
		}
		asked.Go(func() error {
			ask(ctx, &out[i], c.Transport(p, envoyAdminPort))
			return nil
		})
	}
	_ = asked.Wait() // ask reports errors as facts
	if more > 0 {
		out = append(out, doctor.Envoy{Name: fmt.Sprintf("%d more Envoys", more), Unasked: true})
	}
	return doctor.Known(out)
}

// inGatewayNamespaces reports whether Envoy Gateway runs Envoys in the namespaces of their Gateways.
func inGatewayNamespaces(f *doctor.Facts) bool {
	for _, c := range []doctor.Fact[doctor.Configuration]{f.Running, f.Written} {
		if c.Known && c.Value.Config.DeploysToGatewayNamespaces() {
			return true
		}
	}
	return false
}

// inTurns returns at most maxEnvoys pods and the number of the others. Namespaces take turns, so
// that no namespace can displace the pods of others.
func inTurns(pods []cluster.Pod) ([]cluster.Pod, int) {
	turns, seen := map[string]int{}, map[string]int{}
	for _, p := range pods {
		turns[p.String()] = seen[p.Namespace]
		seen[p.Namespace]++
	}
	pods = slices.SortedStableFunc(slices.Values(pods), func(a, b cluster.Pod) int { return cmp.Compare(turns[a.String()], turns[b.String()]) })
	asked := min(len(pods), maxEnvoys)
	return pods[:asked], len(pods) - asked
}

// envoyAdminPort is the admin port of Envoy Gateway's Envoys.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/bootstrap/bootstrap.go
const envoyAdminPort = 19000

// patchPolicy is the part of an EnvoyPatchPolicy that is read.
type patchPolicy struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Patches []struct {
			Type      string `json:"type"`
			Name      string `json:"name"`
			Operation struct {
				Path     string `json:"path"`
				JSONPath string `json:"jsonPath"`
			} `json:"operation"`
		} `json:"jsonPatches"`
	} `json:"spec"`
}

// Patches asks Envoy Gateway for its EnvoyPatchPolicies.
func Patches(ctx context.Context, at Endpoint) doctor.Fact[[]doctor.Patch] {
	var dump struct {
		Resources []patchPolicy `json:"resources"`
	}
	if err := at.document(ctx, "/api/config_dump?resource=envoypatchpolicy", &dump); err != nil {
		return unknown[[]doctor.Patch](err)
	}
	var out []doctor.Patch
	for _, p := range dump.Resources {
		for _, op := range p.Spec.Patches {
			out = append(out, doctor.Patch{
				Policy: p.Metadata.Namespace + "/" + p.Metadata.Name, Type: op.Type, Name: op.Name,
				Path: op.Operation.JSONPath + op.Operation.Path,
			})
		}
	}
	return doctor.Known(out)
}
