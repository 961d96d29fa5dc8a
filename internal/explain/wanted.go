package explain

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/pkg/mutator"
)

// Wanted is a resource as Envoy should have it: as egraft returned it, without secrets.
type Wanted struct {
	// Gateways are those, as namespace/name, whose Envoys should have the resource.
	Gateways []string     `json:"gateways"`
	Kind     mutator.Kind `json:"kind"`
	Name     string       `json:"name"`
	Encoded  []byte       `json:"encoded"`
}

// inEnvoy are the kinds of resources that Envoy's config dump shows as the control plane sent them.
// Secrets and endpoints are not among them.
var inEnvoy = []mutator.Kind{mutator.KindCluster, mutator.KindListener, mutator.KindRouteConfiguration}

// returned are the resources of a translation as egraft returned them.
type returned map[mutator.Kind]map[string][]byte

func newReturned(res *engine.Response) returned {
	out := returned{}
	for _, list := range res.Resources {
		if !slices.Contains(inEnvoy, list.Kind) {
			continue
		}
		if out[list.Kind] == nil {
			out[list.Kind] = make(map[string][]byte, len(list.Encoded))
		}
		for _, raw := range list.Encoded {
			out[list.Kind][nameOf(list.Kind, raw)] = raw
		}
	}
	return out
}

// wanted returns the resources that Envoys should have because of changes, at most [maxResources].
func (e *examination) wanted(all []*change) (out []Wanted, err error) {
	type key struct {
		gateway string
		kind    mutator.Kind
		name    string
	}
	seen := map[key]bool{}
	for _, c := range all {
		k := key{c.Gateway, c.Change.Kind, c.Name}
		if c.NewName != "" {
			k.name = c.NewName
		}
		raw := e.returned[c.Gateway][k.kind][k.name]
		if raw == nil || seen[k] || c.empty || c.Shadow || c.Op == diff.Removed || len(out) == maxResources {
			continue
		}
		seen[k] = true
		w := Wanted{Gateways: strings.Split(c.Gateway, ","), Kind: k.kind, Name: strings.Clone(k.name)}
		if w.Encoded, err = redacted(k.kind, raw); err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func redacted(k mutator.Kind, raw []byte) ([]byte, error) {
	m, err := callfile.Decode(k, raw)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(redact.Message(m))
}
