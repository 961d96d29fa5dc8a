package outside

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/envoyadmin"
)

// envoyAdminPort is the admin port of Envoy Gateway's Envoys, on loopback.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/bootstrap/bootstrap.go
const envoyAdminPort = 19000

// Envoys implements [Surroundings].
func (k *Kubernetes) Envoys(ctx context.Context, name string) ([]envoyadmin.Envoy, error) {
	g := k.envoyGateway(ctx)
	if g.namespace == "" {
		return nil, g.err
	}
	namespace, gateway, _ := strings.Cut(name, "/")
	pods, err := k.Cluster.Envoys(ctx, g.namespace, namespace, gateway, "")
	if errors.Is(err, cluster.ErrNoPods) {
		if class := k.class(ctx, namespace, gateway); class != "" { // for merged Gateways
			if merged, mergedErr := k.Cluster.Envoys(ctx, g.namespace, namespace, gateway, class); mergedErr == nil {
				pods, err = merged, nil
			}
		}
	}
	if err != nil {
		return nil, err
	}
	var out []envoyadmin.Envoy
	for _, p := range pods {
		out = append(out, envoyadmin.Envoy{Name: p.String(), Transport: k.transport(p)})
	}
	return out, nil
}

// class returns the GatewayClass of a Gateway, empty if it cannot be read.
func (k *Kubernetes) class(ctx context.Context, namespace, name string) string {
	object, err := k.Cluster.Get(ctx, gateways, namespace, name)
	if err != nil {
		return ""
	}
	class, _, err := unstructured.NestedString(object.Object, "spec", "gatewayClassName")
	if err != nil {
		return ""
	}
	return class
}

func (k *Kubernetes) transport(p cluster.Pod) http.RoundTripper {
	if !p.Running {
		return failing{fmt.Errorf("pod %s is not running", p)}
	}
	return k.Cluster.Transport(p, envoyAdminPort)
}

// failing is a transport on which every request fails.
type failing struct{ error }

// RoundTrip implements http.RoundTripper.
func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.error }
