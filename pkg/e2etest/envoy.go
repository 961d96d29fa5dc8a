package e2etest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/envoyapi"
)

// EnvoyAdmin returns a page of Envoy's administration interface, such as "/config_dump?include_eds".
func (e *Env) EnvoyAdmin(t testing.TB, path string) string {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	page, err := e.real.EnvoyAdmin(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Clusters returns the clusters that Envoy uses and received from Envoy Gateway, by name. The name
// for the backends of the first rule of HTTPRoute shop is httproute/default/shop/rule/0.
func (e *Env) Clusters(t testing.TB) map[string]*clusterv3.Cluster {
	t.Helper()
	return dump(t, e, "dynamic_active_clusters", func(c config) json.RawMessage { return c.Cluster }, (*clusterv3.Cluster).GetName)
}

// Listeners returns the listeners that Envoy uses and received from Envoy Gateway, by name.
func (e *Env) Listeners(t testing.TB) map[string]*listenerv3.Listener {
	t.Helper()
	return dump(t, e, "dynamic_listeners", func(c config) json.RawMessage { return c.Active.Listener }, (*listenerv3.Listener).GetName)
}

// RouteConfigurations returns those that Envoy uses and received from Envoy Gateway, by name.
func (e *Env) RouteConfigurations(t testing.TB) map[string]*routev3.RouteConfiguration {
	t.Helper()
	return dump(t, e, "dynamic_route_configs", func(c config) json.RawMessage { return c.Routes }, (*routev3.RouteConfiguration).GetName)
}

// Rejected returns the number of Envoy Gateway's updates that Envoy rejected.
func (e *Env) Rejected(t testing.TB) int {
	t.Helper()
	sum := 0
	for line := range strings.Lines(e.EnvoyAdmin(t, "/stats?filter=update_rejected$")) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("read Envoy's stats: %v", err)
		}
		sum += n
	}
	return sum
}

// config is an entry of Envoy's dump.
type config struct {
	Cluster json.RawMessage `json:"cluster"`
	Routes  json.RawMessage `json:"route_config"`
	Active  struct {
		Listener json.RawMessage `json:"listener"`
	} `json:"active_state"`
}

// dump returns the messages of a part of Envoy's dump, by name.
func dump[M any, P interface {
	*M
	proto.Message
}](t testing.TB, e *Env, part string, of func(config) json.RawMessage, name func(P) string,
) map[string]P {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	all, err := dumped(ctx, e, part)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]P{}
	for _, c := range all {
		raw := of(c)
		if raw == nil {
			continue // a listener that is only warming or draining
		}
		m := P(new(M))
		if err := decode(raw, m); err != nil {
			t.Fatalf("decode Envoy's %s: %v", part, err)
		}
		out[name(m)] = m
	}
	return out
}

func dumped(ctx context.Context, e *Env, part string) ([]config, error) {
	page, err := e.real.EnvoyAdmin(ctx, "/config_dump?resource="+part)
	if err != nil {
		return nil, err
	}
	var out struct {
		Configs []config `json:"configs"`
	}
	if err := json.Unmarshal(page, &out); err != nil {
		return nil, fmt.Errorf("decode Envoy's %s: %w", part, err)
	}
	return out.Configs, nil
}

// decode decodes a message with its type. It ignores fields of a newer Envoy.
func decode(raw json.RawMessage, to proto.Message) error {
	var a anypb.Any
	if err := (protojson.UnmarshalOptions{Resolver: envoyapi.Types{}, DiscardUnknown: true}).Unmarshal(raw, &a); err != nil {
		return err
	}
	return a.UnmarshalTo(to)
}
