package envoyadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/egraft/egraft/pkg/mutator"
)

// entry is an element of a list of the config dump.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/admin/v3/config_dump_shared.proto
type entry struct {
	Name        string          `json:"name"` // of listeners
	Cluster     json.RawMessage `json:"cluster"`
	RouteConfig json.RawMessage `json:"route_config"`
	Active      *state          `json:"active_state"`
	Warming     *state          `json:"warming_state"`
	Draining    *state          `json:"draining_state"`
	Error       *struct {
		Details string          `json:"details"`
		Failed  json.RawMessage `json:"failed_configuration"`
	} `json:"error_state"`
}

type state struct {
	Listener json.RawMessage `json:"listener"`
}

// version is a version of a resource in Envoy, as JSON with its type.
type version struct {
	kind     mutator.Kind
	name     string
	raw      json.RawMessage
	warming  bool
	draining bool
	// rejected is why Envoy rejected the last update of the resource.
	rejected string
}

// lists are the lists to read, with their kinds.
var lists = []struct {
	kind    mutator.Kind
	name    string
	warming bool
}{
	{mutator.KindCluster, "dynamic_active_clusters", false},
	{mutator.KindCluster, "dynamic_warming_clusters", true},
	{mutator.KindListener, "dynamic_listeners", false},
	{mutator.KindRouteConfiguration, "dynamic_route_configs", false},
}

// each reads the config dump of kinds, and passes on resources one by one: a dump can be too large for memory.
func (e Envoy) each(ctx context.Context, kinds map[mutator.Kind]bool, do func(version)) error {
	for _, l := range lists {
		if !kinds[l.kind] {
			continue
		}
		err := e.list(ctx, l.name, func(x *entry) {
			for _, v := range x.versions(l.kind, l.warming) {
				do(v)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// list reads one list. A list that Envoy does not have is empty.
func (e Envoy) list(ctx context.Context, name string, do func(*entry)) error {
	body, err := e.get(ctx, "/config_dump", url.Values{"resource": {name}})
	if errors.Is(err, errNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close()
	d := json.NewDecoder(body)
	if err := openList(d); err != nil {
		return fmt.Errorf("/config_dump: %s: %w", name, err)
	}
	for d.More() {
		var x entry
		if err := d.Decode(&x); err != nil {
			return fmt.Errorf("/config_dump: %s: %w", name, errForm) // the decoder's error quotes the input
		}
		do(&x)
	}
	return nil
}

var errForm = errors.New("is not a response of Envoy")

// openList reads {"configs": [ — or {} for an empty list.
func openList(d *json.Decoder) error {
	for _, want := range []json.Token{json.Delim('{'), "configs", json.Delim('[')} {
		got, err := d.Token()
		if got == json.Delim('}') {
			return nil
		}
		if err != nil || got != want {
			return errForm
		}
	}
	return nil
}

// versions returns the versions of a resource in an entry.
func (x *entry) versions(k mutator.Kind, warming bool) (out []version) {
	v := version{kind: k, warming: warming}
	if x.Error != nil {
		v.rejected = reason(x.Error.Details)
	}
	switch k {
	case mutator.KindCluster:
		v.raw = x.Cluster
	case mutator.KindRouteConfiguration:
		v.raw = x.RouteConfig
	default:
		return x.listener(v)
	}
	v.name = nameIn(v.raw)
	return []version{v}
}

// listener returns up to three versions of a listener, and one entry without content for a listener
// that Envoy only rejected.
func (x *entry) listener(v version) (out []version) {
	if v.name = x.Name; v.name == "" && x.Error != nil { // rejected as a whole
		v.name = nameIn(x.Error.Failed)
	}
	for _, s := range []struct {
		*state
		warming, draining bool
	}{{x.Active, false, false}, {x.Warming, true, false}, {x.Draining, false, true}} {
		if s.state != nil {
			v := v
			v.raw, v.warming, v.draining = s.Listener, s.warming, s.draining
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = append(out, v)
	}
	return out
}

func nameIn(raw json.RawMessage) string {
	var named struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	return named.Name
}
