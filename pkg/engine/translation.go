package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/wire"
)

// finish does what concerns a translation as a whole: additions, the removal of what the Route
// hook left on the routes, and where renamed clusters are now.
func (e *Engine) finish(ctx context.Context, p *prepared, configs []config, res *Result) error {
	in, renaming := p.in, e.renamingOf(p, res.renamed)
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
			res.Resources[i].Encoded = e.released(list.Encoded, configs[:len(list.Encoded)], renaming)
			configs = configs[len(list.Encoded):]
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

// released removes egraft's metadata from the routes, lets those go that were held, and leads
// them to renamed clusters. The configurations are those of the call, of which mutators may
// have changed some.
func (e *Engine) released(encoded [][]byte, configs []config, renaming *renaming) [][]byte {
	out := encoded
	for i, c := range configs {
		if !bytes.Equal(c.raw, encoded[i]) {
			c = e.readConfigs(asChanged, encoded[i:i+1])[0]
		}
		if !slices.ContainsFunc(c.hosts, func(h *host) bool { return h.marked || renaming.concerns(h) }) {
			continue
		}
		if &out[0] == &encoded[0] {
			out = slices.Clone(encoded)
		}
		out[i] = e.releasedConfig(c, renaming)
	}
	return out
}

// addAll upserts what a family adds to the translation.
func (e *Engine) addAll(ctx context.Context, in *mutator.Input, f mutator.Family, res *Result) error {
	additions, err := e.additions(ctx, in, f)
	if err != nil {
		// Resources that depend on what is missing do not work, which is a denial.
		res.add(outcomes(&Outcome{Family: f.Name, Kind: mutator.KindCluster, Verdict: Ignored, Err: err})...)
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
	e.addCopies(ctx, f, additions.Copies, res)
	return nil
}

// upsert adds a resource to the list of its kind unless one of its name is there: an
// equal one is what is wanted, another one belongs to somebody else.
func upsert[T interface {
	*clusterv3.Cluster | *tlsv3.Secret
	message
	GetName() string
}](res *Result, family string, kind mutator.Kind, add T) {
	outcome := &Outcome{Family: family, Kind: kind, Name: add.GetName(), Verdict: Added}
	defer func() { res.add(outcome) }()
	fail := func(v Verdict, err error) { outcome.Verdict, outcome.Err = v, err }

	encoded, err := encode(add)
	if err == nil {
		err = add.ValidateAll()
	}
	if err != nil {
		fail(Ignored, fmt.Errorf("the addition is invalid: %w", err))
		return
	}
	list, names := listOf(res, kind), namesOf(res, kind, wire.ShapeOf(add))
	for i, raw := range list.Encoded {
		if names[i] != add.GetName() {
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
	res.names[kind] = append(names, add.GetName())
}

// namesOf are the names of the resources of a kind. Most are known if mutators applied.
func namesOf(res *Result, kind mutator.Kind, shape wire.Shape) []string {
	list, names := listOf(res, kind), res.names[kind]
	if names == nil {
		names = make([]string, len(list.Encoded))
		res.names[kind] = names
	}
	for i, name := range names {
		if name == "" {
			names[i] = wire.NewView(shape, list.Encoded[i]).Name()
		}
	}
	return names
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
