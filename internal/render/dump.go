package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
)

// Dump has the resources that an Envoy received from its control plane. For an active cluster or
// listener with a warming update, it has the update, because that is the control plane's version.
type Dump struct {
	resources []engine.Resources
	at        map[resourceKey]int // index of a resource in its list
}

// Resources returns the resources of the dump in the form of a Translation call.
func (d *Dump) Resources() []engine.Resources { return d.resources }

type resourceKey struct {
	kind mutator.Kind
	name string
}

// entry is an entry of a config dump: a part with lists, or with ?resource= an element of such a
// list.
// https://www.envoyproxy.io/docs/envoy/v1.35.0/api-v3/admin/v3/config_dump.proto
type entry struct {
	ActiveClusters  []entry `json:"dynamic_active_clusters"`
	WarmingClusters []entry `json:"dynamic_warming_clusters"`
	Listeners       []entry `json:"dynamic_listeners"`
	Routes          []entry `json:"dynamic_route_configs"`
	ActiveSecrets   []entry `json:"dynamic_active_secrets"`

	Cluster     json.RawMessage `json:"cluster"`
	RouteConfig json.RawMessage `json:"route_config"`
	Secret      json.RawMessage `json:"secret"`
	Active      *state          `json:"active_state"`
	Warming     *state          `json:"warming_state"`
}

type state struct {
	Listener json.RawMessage `json:"listener"`
}

func newDump(configs []json.RawMessage) (*Dump, error) {
	d := &Dump{at: map[resourceKey]int{}}
	for _, k := range translated {
		d.resources = append(d.resources, engine.Resources{Kind: k})
	}
	for _, raw := range configs {
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("config dump: %w", err)
		}
		if err := d.add(&e); err != nil {
			return nil, fmt.Errorf("config dump: %w", err)
		}
	}
	if !slices.ContainsFunc(d.resources, func(r engine.Resources) bool { return len(r.Encoded) > 0 }) {
		return nil, errors.New("config dump: has no dynamic clusters, listeners or routes: take one from /config_dump of an Envoy that Envoy Gateway configures")
	}
	return d, nil
}

// translated are the kinds of resources in the order of the Translation hook.
var translated = []mutator.Kind{mutator.KindCluster, mutator.KindSecret, mutator.KindListener, mutator.KindRouteConfiguration}

func (d *Dump) add(e *entry) error {
	for _, list := range [][]entry{e.ActiveClusters, e.WarmingClusters, e.Listeners, e.Routes, e.ActiveSecrets} {
		for i := range list {
			if err := d.add(&list[i]); err != nil {
				return err
			}
		}
	}
	listener := e.Warming
	if listener == nil {
		listener = e.Active
	}
	for k, raw := range map[mutator.Kind]json.RawMessage{mutator.KindCluster: e.Cluster, mutator.KindRouteConfiguration: e.RouteConfig, mutator.KindSecret: e.Secret} {
		if err := d.resource(k, raw); err != nil {
			return err
		}
	}
	if listener != nil {
		return d.resource(mutator.KindListener, listener.Listener)
	}
	return nil
}

func (d *Dump) resource(k mutator.Kind, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	m, err := callfile.NewMessage(k)
	if err != nil {
		return err
	}
	packed := &anypb.Any{}
	if err := (protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(raw, packed); err != nil {
		return fmt.Errorf("%s: %w", k, unquoted(err))
	}
	if err := packed.UnmarshalTo(m); err != nil {
		return fmt.Errorf("%s: %w", k, err)
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return err
	}
	list := &d.resources[slices.Index(translated, k)]
	name, err := callfile.NameOf(k, encoded)
	if err != nil {
		return err
	}
	if i, seen := d.at[resourceKey{k, name}]; seen {
		list.Encoded[i] = encoded // the warming one comes after the active one
		return nil
	}
	d.at[resourceKey{k, name}] = len(list.Encoded)
	list.Encoded = append(list.Encoded, encoded)
	return nil
}
