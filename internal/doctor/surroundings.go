package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/internal/finding"
)

// Envoy is information from an Envoy's admin interface.
type Envoy struct {
	// Name is the pod or address.
	Name string
	// Err is why the Envoy could not be queried.
	Err        string
	Contexts   []envoyadmin.TLS
	Rejections []envoyadmin.Rejection
	// InPod is true if it runs in a pod; then Mounts are its volumes, and Namespace and Account are
	// the selectors that an agent sees.
	InPod              bool
	Mounts             []Mount
	Namespace, Account string
	// Elsewhere is true for a pod outside Envoy Gateway's namespace: whoever can create pods there
	// decides what it reports.
	Elsewhere bool
	// Unasked is true for an entry that stands for Envoys that were not queried, with their number as
	// its name.
	Unasked bool
}

// Patch is an operation of an EnvoyPatchPolicy.
type Patch struct {
	// Policy is the EnvoyPatchPolicy's namespace/name.
	Policy string
	// Type is the type of the resource, with the prefix of protobuf types; Name is its name.
	Type, Name string
	// Path is a JSON pointer or a JSONPath.
	Path string
}

func surroundingsChecks() []Check {
	const g = GroupSurroundings
	return []Check{
		{finding.PatchConflict, g, "no EnvoyPatchPolicy conflicts with egraft's changes", patches},
		{finding.AnyIdentity, g, "TLS contexts with a SPIFFE bundle require a SPIFFE ID", onEnvoys(anyIdentity)},
		{finding.UpdateRejected, g, "no Envoy rejects an update", onEnvoys(rejected)},
		{finding.AgentNotMounted, g, "Envoys have the sockets of their SPIFFE agents", onEnvoys(mounted)},
		{finding.RegistrationEntries, g, "identities that Envoys request from their agents", entries},
	}
}

func patches(f *Facts) (v verdict) {
	if !f.Patches.Known {
		return skipped(cmp.Or(f.Patches.Why, "Envoy Gateway was not queried"))
	}
	for _, p := range f.Patches.Value {
		what := fmt.Sprintf("EnvoyPatchPolicy %s changes %s of %s", p.Policy, cmp.Or(p.Path, "all"), p.Name)
		switch {
		case strings.HasPrefix(p.Name, "egraft/"):
			v.problems = append(v.problems, failed(what+", which egraft adds later", "Remove the operation from the EnvoyPatchPolicy."))
		case strings.Contains(p.Path, "transport_socket"):
			v.problems = append(v.problems, warning(what+", which egraft replaces if a policy applies", "Use a BackendMTLSPolicy or FrontendMTLSPolicy instead of the patch, or use them on different targets."))
		}
	}
	return v
}

// onEnvoys runs a check for each Envoy.
func onEnvoys(check func(*Envoy) []Problem) func(*Facts) verdict {
	return func(f *Facts) (v verdict) {
		if !f.Envoys.Known {
			return skipped(cmp.Or(f.Envoys.Why, "no Envoy was queried"))
		}
		for i := range f.Envoys.Value {
			v.problems = append(v.problems, check(&f.Envoys.Value[i])...)
		}
		v.problems = firstOf(v.problems)
		return v
	}
}

// maxProblems limits the problems shown for a check: thousands of clusters can have the same one.
const maxProblems = 20

func firstOf(all []Problem) []Problem {
	if len(all) <= maxProblems {
		return all
	}
	more := Problem{Status: all[maxProblems].Status, Message: fmt.Sprintf("and %d more", len(all)-maxProblems)}
	return append(slices.Clone(all[:maxProblems]), more)
}

// isSPIFFE reports whether a bundle has a name that SPIRE agents serve by default.
func isSPIFFE(b envoyadmin.Secret) bool {
	return strings.HasPrefix(b.Name, "spiffe://") || b.Name == "ROOTCA" || b.Name == "ALL"
}

func anyIdentity(e *Envoy) (out []Problem) {
	for _, c := range e.Contexts {
		if !c.HasURI && slices.ContainsFunc(c.Bundles, isSPIFFE) {
			out = append(out, failed(
				fmt.Sprintf("%s: %s %s verifies peers with %s, but accepts every SPIFFE ID", e.Name, strings.ToLower(string(c.Kind)), c.Name, c.Bundles[0].Name),
				"egraft did not create it. Use a BackendMTLSPolicy or FrontendMTLSPolicy for its target, or make its source (an EnvoyPatchPolicy, another extension server, a Secret of type gateway.envoyproxy.io/sds) add a matcher with san_type URI."))
		}
	}
	return out
}

func rejected(e *Envoy) (out []Problem) {
	if e.Unasked {
		return []Problem{warning(e.Name+" were not asked", "Run `egraft explain` for the policies of their Gateways.")}
	}
	if e.Err != "" {
		return []Problem{warning(e.Name+" does not respond: "+e.Err, "Check whether the pod is running, and whether you have permission for port-forward.")}
	}
	for _, r := range e.Rejections {
		out = append(out, failed(fmt.Sprintf("%s rejected %s %s: %s", e.Name, strings.ToLower(string(r.Kind)), r.Name, r.Reason),
			"Check what egraft changed in it:\n$ egraft explain --diff"))
	}
	return out
}

// sockets returns the sockets of the agents that an Envoy connects to.
func (e *Envoy) sockets() []string {
	out := map[string]bool{}
	for _, c := range e.Contexts {
		for _, s := range slices.Concat(c.Certificates, c.Bundles) {
			if s.Socket != "" {
				out[s.Socket] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

func mounted(e *Envoy) (out []Problem) {
	if !e.InPod {
		return nil
	}
	for _, socket := range e.sockets() {
		if file(e.Mounts, socket) == "" {
			out = append(out, failed(fmt.Sprintf("%s: no volume of Envoy has %s", e.Name, socket),
				"Mount it through the EnvoyProxy of the Gateway or its GatewayClass:\n$ kubectl apply -f deploy/spire/envoyproxy-csi.yaml"))
		}
	}
	return out
}

// entries lists the registration entries that each kind of Envoy needs, without duplicates.
func entries(f *Facts) verdict {
	if !f.Envoys.Known {
		return skipped(cmp.Or(f.Envoys.Why, "no Envoy was queried"))
	}
	lines, foreign := map[string]bool{}, map[string]bool{}
	for i := range f.Envoys.Value {
		e := &f.Envoys.Value[i]
		for _, l := range e.entries() {
			lines[l] = true
			if e.Elsewhere {
				foreign[e.Namespace] = true
			}
		}
	}
	if len(lines) == 0 {
		return skipped("no Envoy connects to an agent")
	}
	note := "policies request these identities: review each one before you create it, and replace AGENT with the SPIFFE ID of the agent or its nodes"
	if len(foreign) > 0 {
		note += "; whoever can create pods in " + strings.Join(slices.Sorted(maps.Keys(foreign)), ", ") + " can put any identity on this list for their own pods"
	}
	return verdict{note: note, lines: slices.Sorted(maps.Keys(lines))}
}

func (e *Envoy) entries() (out []string) {
	for _, c := range e.Contexts {
		for _, s := range c.Certificates {
			if s.Socket == "" || !strings.HasPrefix(s.Name, "spiffe://") {
				continue
			}
			line := "spire-server entry create -parentID AGENT -spiffeID " + shell(s.Name) + e.selectors()
			for _, b := range c.Bundles {
				if strings.HasPrefix(b.Name, "spiffe://") && trustDomain(b.Name) != trustDomain(s.Name) {
					line += " -federatesWith " + shell("spiffe://"+trustDomain(b.Name))
				}
			}
			out = append(out, line)
		}
	}
	return out
}

// selectors returns the selectors by which an agent identifies the Envoy.
func (e *Envoy) selectors() string {
	if !e.InPod {
		return " -selector unix:path:PATH_OF_ENVOY"
	}
	return " -selector k8s:ns:" + shell(e.Namespace) + " -selector k8s:sa:" + shell(e.Account) + " -selector k8s:container-name:envoy"
}

func trustDomain(id string) string {
	domain, _, _ := strings.Cut(strings.TrimPrefix(id, "spiffe://"), "/")
	return domain
}
