package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/manifest"
)

// workloadSocket is the path of the agent's socket in the Envoys of deploy/demo, which is also the
// default in policies.
const workloadSocket = "/spiffe-workload-api/spire-agent.sock"

// applied records what was applied by name.
type applied struct {
	kubectl apiserver.Kubectl
	mu      sync.Mutex
	byName  map[string]string
}

// Apply applies manifests under a name.
func (a *applied) Apply(ctx context.Context, name, manifests string) error {
	a.mu.Lock()
	a.byName[name] = manifests
	a.mu.Unlock()
	if err := a.kubectl.Apply(ctx, manifests); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	return nil
}

// ApplyPolicy applies a policy under its name.
func (a *applied) ApplyPolicy(ctx context.Context, p manifest.Policy) error {
	return a.Apply(ctx, p.Name, p.YAML())
}

// Delete deletes what was applied under a name. It is not an error if there is nothing.
func (a *applied) Delete(ctx context.Context, name string) error {
	a.mu.Lock()
	manifests := a.byName[name]
	delete(a.byName, name)
	a.mu.Unlock()
	if manifests == "" {
		return nil
	}
	_, err := a.kubectl.RunWith(ctx, strings.NewReader(manifests), "delete", "--ignore-not-found", "--filename", "-")
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Route returns a route to the backend of deploy/demo.
func (e *Environment) Route(r manifest.Route) manifest.Route {
	r.App = "echo"
	return r
}

// Policy returns a policy with the defaults of this environment.
func (e *Environment) Policy() manifest.Policy { return manifest.NewPolicy(workloadSocket) }

// AgentSocket returns the path of the SPIFFE agent's socket for Envoy.
func (e *Environment) AgentSocket() string { return workloadSocket }

// Bundle returns the roots of the trust domain in PEM.
func (e *Environment) Bundle(ctx context.Context) ([]byte, error) {
	out, err := e.spireServer(ctx, "bundle", "show")
	return []byte(out), err
}

// Rotate slightly changes Envoy's entry, so that the agent gets a new SVID for it.
func (e *Environment) Rotate(ctx context.Context) error {
	e.rotations++
	return e.updateEntry(ctx, manifest.ID(manifest.EnvoyIdentity), "-x509SVIDTTL", strconv.Itoa(3600+e.rotations))
}

// updateEntry changes the entries of a SPIFFE ID.
func (e *Environment) updateEntry(ctx context.Context, id string, change ...string) error {
	shown, err := e.spireServer(ctx, "entry", "show", "-spiffeID", id, "-output", "json")
	if err != nil {
		return err
	}
	var entries struct {
		Entries []struct {
			ID        string                         `json:"id"`
			Selectors []struct{ Type, Value string } `json:"selectors"`
		} `json:"entries"`
	}
	if err := json.Unmarshal([]byte(shown), &entries); err != nil {
		return fmt.Errorf("entries of SPIRE: %w", err)
	}
	for _, entry := range entries.Entries {
		arguments := []string{"entry", "update", "-entryID", entry.ID, "-parentID", "spiffe://" + manifest.TrustDomain + "/node", "-spiffeID", id}
		for _, selector := range entry.Selectors {
			arguments = append(arguments, "-selector", selector.Type+":"+selector.Value)
		}
		if _, err := e.spireServer(ctx, append(arguments, change...)...); err != nil {
			return err
		}
	}
	return nil
}

// spireServer runs a command of SPIRE's server.
func (e *Environment) spireServer(ctx context.Context, arguments ...string) (string, error) {
	return e.Kubectl.Run(ctx, append([]string{"exec", "--namespace", "spire", "deployment/spire-server", "--", "/opt/spire/bin/spire-server"}, arguments...)...)
}

// Log returns the log of a program, or Envoy's access log as "access".
func (e *Environment) Log(ctx context.Context, name string) ([]byte, error) {
	sources := map[string][]string{
		"egraft":        {"--namespace", GatewayNamespace, "deployment/envoy-gateway", "--container", "egraft"},
		"envoy-gateway": {"--namespace", GatewayNamespace, "deployment/envoy-gateway", "--container", "envoy-gateway"},
		"access":        {"--namespace", e.place, e.proxy, "--container", "envoy"},
		"backend-echo":  {"deployment/echo"},
	}
	source, ok := sources[name]
	if !ok {
		return nil, fmt.Errorf("nothing is named %q whose log could be read", name)
	}
	out, err := e.Kubectl.Run(ctx, append([]string{"logs"}, source...)...)
	return []byte(out), err
}
