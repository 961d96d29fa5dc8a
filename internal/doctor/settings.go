package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wiring"
)

// settingsChecks are those of Envoy Gateway's configuration.
func settingsChecks() []Check {
	const g = GroupEnvoyGateway
	return []Check{
		{finding.NoConfiguration, g, "Envoy Gateway's configuration is found", configured},
		{finding.UnsupportedVersion, g, "the version of Envoy Gateway is supported", supported},
		{finding.NotWired, g, "it has an extension manager for egraft", wired},
		{finding.OtherAddress, g, "Envoy Gateway connects to where egraft listens", sameAddress},
		{finding.MissingHooks, g, "Envoy Gateway calls the hooks that the features need", onManager(hooks)},
		{finding.MissingKinds, g, "Envoy Gateway reads the custom resources of the features", onManager(kinds)},
		{finding.NotIncluded, g, "Envoy Gateway sends the resources that the features need", onManager(includes)},
		{finding.MessageLimit, g, "messages are well below the limits", onManager(limits)},
		{finding.FailOpen, g, "Envoy Gateway publishes nothing without egraft (failOpen: false)", onManager(failsClosed)},
		{finding.NotLast, g, "egraft is the last extension server", onManager(last)},
		{finding.NotLoaded, g, "Envoy Gateway runs with its present configuration", loaded},
		{finding.UntestedFlag, g, "egraft is tested with Envoy Gateway's runtime flags", runtimeFlags},
		{finding.ManagersWithFiles, g, "Envoy Gateway reads custom resources with this provider", onManager(managersWithFiles)},
	}
}

// manager is egraft's extension manager with what surrounds it.
type manager struct {
	*wiring.Manager
	facts *Facts
	all   Configuration
	at    int
	needs wiring.Needs
	// title names the manager, and fix is the remedy for what is in it.
	title, fix string
}

// printStanza is the command for what the configuration has to have.
const printStanza = "$ egraft config envoy-gateway --format standalone   # or helm, or configmap"

// onManager checks egraft's extension manager, if there is one.
func onManager(check func(*manager) []Problem) func(*Facts) verdict {
	return func(f *Facts) verdict {
		c := f.configuration()
		if !c.Known {
			return skipped("Envoy Gateway's configuration is not known")
		}
		m := &manager{facts: f, all: c.Value, needs: f.NeedsOfEgraft()}
		if m.at = c.Value.Egrafts(&m.needs, f.socket()); m.at < 0 {
			return skipped("there is no extension manager for egraft")
		}
		m.Manager, m.title = &c.Value.Managers()[m.at], c.Value.Title(m.at)
		m.fix = "Change " + m.title + " in " + m.facts.where() + " to what this prints, and restart Envoy Gateway:\n" + printStanza
		return found(check(m)...)
	}
}

func configured(f *Facts) verdict {
	c := f.configuration()
	switch {
	case c.Known && !f.Written.Known && f.Written.Why != "":
		return found(warning(f.Written.Why, "The checks below are about what Envoy Gateway runs with. Make the configuration readable, or name another file:\n$ egraft doctor --envoy-gateway-config FILE"))
	case c.Known:
		return verdict{note: c.Value.Where}
	}
	why := f.Written.Why
	if why == "" {
		why = f.Running.Why
	}
	return found(failed(why, "Name the file, if Envoy Gateway runs without Kubernetes:\n$ egraft doctor --envoy-gateway-config FILE"))
}

// supported compares minor versions: the protocol does not change in patch releases.
func supported(f *Facts) verdict {
	for _, c := range []Fact[Configuration]{f.Running, f.Written} {
		if !c.Known || c.Value.Version == "" {
			continue
		}
		if minor(c.Value.Version) == minor(version.EnvoyGateway) {
			return verdict{note: c.Value.Version}
		}
		return found(warning(fmt.Sprintf("Envoy Gateway is %s, and egraft is tested with %s.x", c.Value.Version, minor(version.EnvoyGateway)),
			"Use Envoy Gateway "+version.EnvoyGateway+", or an egraft that is made for yours."))
	}
	return skipped("the version of Envoy Gateway is not known")
}

// minor is v1.9 of v1.9.1-rc.1.
func minor(v string) string {
	parts := strings.SplitN("v"+strings.TrimPrefix(v, "v"), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func wired(f *Facts) verdict {
	c := f.configuration()
	if !c.Known {
		return skipped("Envoy Gateway's configuration is not known")
	}
	needs := f.NeedsOfEgraft()
	if at := c.Value.Egrafts(&needs, f.socket()); at >= 0 {
		return verdict{note: c.Value.Title(at)}
	}
	message := f.where() + " has no extension manager"
	if others := c.Value.Managers(); len(others) > 0 {
		message = fmt.Sprintf("none of the extension managers in %s is egraft's: the first leads to %s", f.where(), others[0].Address())
	}
	return found(failed(message, "Add to "+f.where()+" what this prints, and restart Envoy Gateway:\n"+printStanza))
}

// sameAddress compares both ends. Over TCP there may be a Service in between, so that only the kinds
// of address can be compared, and so with volumes that are mounted at different paths.
func sameAddress(f *Facts) verdict {
	if len(f.egrafts()) == 0 {
		return skipped("no egraft answers")
	}
	return onManager(func(m *manager) []Problem {
		e := &f.egrafts()[0]
		if f.beside() && m.Socket() != "" && e.Network == "unix" {
			return nil // the paths may differ, see sharedSocket
		}
		if e.Network == "unix" && m.Socket() == e.Address || e.Network != "unix" && m.Socket() == "" {
			return nil
		}
		return []Problem{failed(fmt.Sprintf("%s leads to %s, and egraft listens on %s", m.title, m.Address(), e.Address),
			"Use one path for both, and restart the one that you change:\n$ egraft serve --socket "+shell(m.Socket())+"\n"+m.fix)}
	})(f)
}

func hooks(m *manager) (out []Problem) {
	for _, h := range m.needs.Hooks {
		if !slices.Contains(m.Post(), string(h)) {
			out = append(out, failed(fmt.Sprintf("%s does not have the hook %s", m.title, h), m.fix))
		}
	}
	return out
}

func kinds(m *manager) (out []Problem) {
	for _, list := range []struct {
		name         string
		needed, have []wiring.Kind
	}{
		{"policyResources", m.needs.Policies, m.PolicyResources},
		{"resources", m.needs.Filters, m.Resources},
		{"backendResources", m.needs.Backends, m.BackendResources},
	} {
		for _, k := range list.needed {
			if !slices.Contains(list.have, k) {
				out = append(out, failed(fmt.Sprintf("%s.%s does not have %s", m.title, list.name, k), m.fix))
			}
		}
	}
	return out
}

// includes looks at all extension managers: Envoy Gateway sends what one of them includes.
func includes(m *manager) (out []Problem) {
	included := func(kind string) bool {
		return slices.ContainsFunc(m.all.Managers(), func(other wiring.Manager) bool { return other.Includes(kind) })
	}
	for _, i := range m.needs.Includes {
		switch {
		case i.All && !included(i.Kind):
			out = append(out, failed(fmt.Sprintf("%s does not include %ss in the hook Translation", m.title, i.Kind), m.fix))
		case !i.All && i.Kind == "secret" && m.Includes(i.Kind):
			out = append(out, warning(m.title+" includes secrets, and no enabled feature needs them: private keys of listeners are sent to egraft for nothing", m.fix))
		}
	}
	return out
}

func failsClosed(m *manager) []Problem {
	if !m.FailOpen {
		return nil
	}
	return []Problem{failed(m.title+" has failOpen: true", "Remove failOpen from "+m.title+" in "+m.facts.where()+", and restart Envoy Gateway.")}
}

func last(m *manager) []Problem {
	if after := m.all.Managers()[m.at+1:]; len(after) > 0 {
		return []Problem{warning(fmt.Sprintf("%q comes after egraft in extensionManagers", after[0].Name), "Move egraft's entry of extensionManagers in "+m.facts.where()+" to the end, and restart Envoy Gateway.")}
	}
	return nil
}

func managersWithFiles(m *manager) []Problem {
	if !m.all.ReadsFiles() || m.all.ExtensionManager != nil || m.needsNoKinds() {
		return nil
	}
	return []Problem{failed(m.facts.where()+" has provider.custom.resource.type: File and extensionManagers", "Replace extensionManagers by extensionManager, with egraft alone.")}
}

func (m *manager) needsNoKinds() bool {
	return len(m.needs.Policies)+len(m.needs.Filters)+len(m.needs.Backends) == 0
}

// testedFlags are the runtime flags of Envoy Gateway 1.9 with which egraft is tested, or which
// do not change what it gets.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoygateway_types.go
var testedFlags = []string{"XDSNameSchemeV2", "EndpointSliceIndex", "PerResourceSystemCASecret"}

func runtimeFlags(f *Facts) verdict {
	c := f.configuration()
	if !c.Known {
		return skipped("Envoy Gateway's configuration is not known")
	}
	v := verdict{note: strings.Join(c.Value.RuntimeFlags.Enabled, ", ")}
	for _, flag := range slices.Concat(c.Value.RuntimeFlags.Enabled, c.Value.RuntimeFlags.Disabled) {
		if !slices.Contains(testedFlags, flag) {
			v.problems = append(v.problems, warning("runtimeFlags has "+flag+", with which egraft is not tested", "See what changes for your policies:\n$ egraft explain"))
		}
	}
	return v
}
