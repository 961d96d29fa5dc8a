package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/wire"
	"github.com/egraft/egraft/pkg/xds"
)

// reach decodes the route configurations of a translation. One that cannot be decoded is
// left out: Envoy Gateway encoded it, and Envoy would refuse it as well.
func reach(call *Call) *xds.Reach {
	var configs []*routev3.RouteConfiguration
	for _, list := range call.Resources {
		if list.Kind != mutator.KindRouteConfiguration {
			continue
		}
		for _, raw := range list.Encoded {
			rc := &routev3.RouteConfiguration{}
			if proto.Unmarshal(raw, rc) == nil {
				configs = append(configs, rc)
			}
		}
	}
	return xds.NewReach(configs)
}

// finish does what concerns a translation as a whole: additions, and the removal of what
// the Route hook left on the routes.
func (e *Engine) finish(ctx context.Context, in *mutator.Input, res *Result) error {
	for _, f := range e.families {
		if f.Additions == nil || !f.Uses(in.Hook) {
			continue
		}
		if err := e.addAll(ctx, in, f, res); err != nil {
			return err
		}
	}
	for i, list := range res.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			res.Resources[i].Encoded = withoutMarks(list.Encoded)
		}
	}
	return nil
}

// subject returns what a call is about.
func (e *Engine) subject(in *mutator.Input, call *Call) string {
	if in.Hook == mutator.HookTranslation {
		var names []string
		for _, g := range in.Reach().Gateways() {
			names = append(names, g.Namespace+"/"+g.Name)
		}
		return strings.Join(names, ",")
	}
	for _, list := range call.Resources {
		if chain := e.chains[in.Hook][list.Kind]; chain != nil && len(list.Encoded) > 0 {
			return chain.name(list.Encoded[0])
		}
	}
	return ""
}

// withoutMarks removes egraft's metadata from the routes; a configuration without any is
// left as the bytes that it is.
func withoutMarks(configs [][]byte) [][]byte {
	out := configs
	for i, raw := range configs {
		rc := &routev3.RouteConfiguration{}
		if !bytes.Contains(raw, []byte(xds.MetadataNamespace)) || proto.Unmarshal(raw, rc) != nil || !xds.ClearRouteMarks(rc) {
			continue
		}
		if cleared, err := (proto.MarshalOptions{Deterministic: true}).Marshal(rc); err == nil {
			if &out[0] == &configs[0] {
				out = slices.Clone(configs)
			}
			out[i] = cleared
		}
	}
	return out
}

// addAll upserts what a family adds to the translation.
func (e *Engine) addAll(ctx context.Context, in *mutator.Input, f mutator.Family, res *Result) error {
	var additions mutator.Additions
	err := bounded(ctx, func() (err error) {
		additions, err = f.Additions.Add(ctx, in)
		return err
	})
	if err != nil {
		// Resources that depend on what is missing do not work, which is a denial.
		res.Outcomes = append(res.Outcomes, Outcome{Family: f.Name, Kind: mutator.KindCluster, Verdict: Ignored, Err: err})
		if f.FailurePolicy == mutator.Fail {
			return fmt.Errorf("mutator %s: additions: %w", f.Name, err)
		}
		return nil
	}
	for _, c := range additions.Clusters {
		upsert(res, f.Name, mutator.KindCluster, c)
	}
	for _, s := range additions.Secrets {
		upsert(res, f.Name, mutator.KindSecret, s)
	}
	return nil
}

// upsert adds a resource to the list of its kind unless one of its name is there: an
// equal one is what is wanted, another one belongs to somebody else.
func upsert[T interface {
	*clusterv3.Cluster | *tlsv3.Secret
	message
	GetName() string
}](res *Result, family string, kind mutator.Kind, add T) {
	outcome := Outcome{Family: family, Kind: kind, Name: add.GetName(), Verdict: Added}
	defer func() { res.Outcomes = append(res.Outcomes, outcome) }()
	fail := func(v Verdict, err error) { outcome.Verdict, outcome.Err = v, err }

	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(add)
	if err == nil {
		err = add.ValidateAll()
	}
	if err != nil {
		fail(Ignored, fmt.Errorf("the addition is invalid: %w", err))
		return
	}
	list := listOf(res, kind)
	shape := wire.ShapeOf(add)
	for _, raw := range list.Encoded {
		if wire.NewView(shape, raw).Name() != add.GetName() {
			continue
		}
		there := add.ProtoReflect().New().Interface()
		if proto.Unmarshal(raw, there) == nil && proto.Equal(there, add) {
			fail(Unchanged, nil)
			return
		}
		fail(Conflicting, fmt.Errorf("%s %q is there with other content and was left as it is", kind, add.GetName()))
		return
	}
	list.Encoded = append(list.Encoded[:len(list.Encoded):len(list.Encoded)], encoded)
}

// listOf finds the list of a kind and makes it if it is missing.
func listOf(res *Result, kind mutator.Kind) *Resources {
	for i := range res.Resources {
		if res.Resources[i].Kind == kind {
			return &res.Resources[i]
		}
	}
	res.Resources = append(res.Resources, Resources{Kind: kind})
	return &res.Resources[len(res.Resources)-1]
}
