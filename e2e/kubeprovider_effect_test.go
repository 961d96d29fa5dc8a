//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/egraft/egraft/e2e/envoy"
)

// xdsDump is the part of Envoy's configuration that is used here.
type xdsDump struct {
	Configs []struct {
		Active    []dumpedCluster `json:"dynamic_active_clusters"`
		Warming   []dumpedCluster `json:"dynamic_warming_clusters"`
		Listeners []struct {
			Active  dumpedListener `json:"active_state"`
			Warming dumpedListener `json:"warming_state"`
		} `json:"dynamic_listeners"`
		Routes []struct {
			Configuration struct {
				Name  string       `json:"name"`
				Hosts []dumpedHost `json:"virtual_hosts"`
			} `json:"route_config"`
		} `json:"dynamic_route_configs"`
	} `json:"configs"`
}

type dumpedCluster struct {
	Cluster json.RawMessage `json:"cluster"`
}

type dumpedListener struct {
	Listener struct {
		Chains  []dumpedChain `json:"filter_chains"`
		Default dumpedChain   `json:"default_filter_chain"`
	} `json:"listener"`
}

type dumpedChain struct {
	Socket  json.RawMessage `json:"transport_socket"`
	Filters json.RawMessage `json:"filters"`
}

type dumpedHost struct {
	Domains   []string        `json:"domains"`
	PerFilter json.RawMessage `json:"typed_per_filter_config"`
	Routes    []struct {
		PerFilter json.RawMessage `json:"typed_per_filter_config"`
		Route     struct {
			Cluster string `json:"cluster"`
		} `json:"route"`
	} `json:"routes"`
}

// inEffect maps the numbers of policies in effect to kinds, hosts and protocols, such as
// "BufferPolicy own.infra https".
type inEffect map[string][]string

func (e inEffect) add(policy, kind, place string) {
	if policy == "" {
		return
	}
	e[policy] = append(e[policy], kind+" "+place)
}

// String returns one line for each policy and kind.
func (e inEffect) String() string {
	lines := map[string][]string{}
	for policy, list := range e {
		for _, each := range list {
			kind, place, _ := strings.Cut(each, " ")
			lines[policy+" "+kind] = append(lines[policy+" "+kind], place)
		}
	}
	var out strings.Builder
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&out, "  %s: %s\n", line, strings.Join(lines[line], ", "))
	}
	return out.String()
}

var (
	routesAsked = regexp.MustCompile(`"route_config_name":\s*"([^"]+)"`)
	identity    = regexp.MustCompile(`spiffe://example\.org/p(\d+)"`)
	limit       = regexp.MustCompile(`"max_request_bytes":\s*1(\d{3})\b`)
)

// policyNumber returns the number of the policy that a text belongs to, empty if there is none.
func policyNumber(of *regexp.Regexp, text []byte) string {
	if found := of.FindSubmatch(text); found != nil {
		return strings.TrimLeft(string(found[1]), "0")
	}
	return ""
}

// effect reads the policies in effect from the Envoys. Warming clusters and listeners count.
func (w *kubeWorld) effect(ctx context.Context) (inEffect, error) {
	out := inEffect{}
	for address := range w.envoys {
		page, err := envoy.Page(ctx, "http://"+address+"/config_dump")
		if err != nil {
			return nil, err
		}
		var dump xdsDump
		if err := json.Unmarshal(page, &dump); err != nil {
			return nil, fmt.Errorf("decode Envoy's configuration: %w", err)
		}
		dump.read(out)
	}
	for _, places := range out {
		slices.Sort(places)
	}
	return out, nil
}

// clientWay is the way in which clients reach a route configuration: with the policy of the
// listener, or in cleartext.
type clientWay struct{ protocol, policy string }

func (d *xdsDump) read(out inEffect) {
	clusters, ways := map[string]string{}, map[string]clientWay{}
	for _, c := range d.Configs {
		for _, each := range slices.Concat(c.Active, c.Warming) {
			var named struct {
				Name string `json:"name"`
			}
			if json.Unmarshal(each.Cluster, &named) == nil {
				clusters[named.Name] = policyNumber(identity, each.Cluster)
			}
		}
		for _, each := range c.Listeners {
			each.Active.read(ways)
			each.Warming.read(ways)
		}
	}
	for _, c := range d.Configs {
		for _, r := range c.Routes {
			for _, host := range r.Configuration.Hosts {
				host.read(clusters, ways[r.Configuration.Name], out)
			}
		}
	}
}

func (l *dumpedListener) read(ways map[string]clientWay) {
	for _, chain := range append(l.Listener.Chains, l.Listener.Default) {
		for _, found := range routesAsked.FindAllSubmatch(chain.Filters, -1) {
			to := clientWay{protocol: "http"}
			if len(chain.Socket) > 0 {
				to = clientWay{protocol: "https", policy: policyNumber(identity, chain.Socket)}
			}
			ways[string(found[1])] = to
		}
	}
}

func (h *dumpedHost) read(clusters map[string]string, by clientWay, out inEffect) {
	for _, domain := range h.Domains {
		place := strings.TrimSuffix(domain, ".example.com") + " " + by.protocol
		out.add(by.policy, "FrontendMTLSPolicy", place)
		for _, r := range h.Routes {
			out.add(clusters[r.Route.Cluster], "BackendMTLSPolicy", place)
			buffered := policyNumber(limit, r.PerFilter)
			if buffered == "" {
				buffered = policyNumber(limit, h.PerFilter)
			}
			out.add(buffered, "BufferPolicy", place)
		}
	}
}
