package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wiring"
)

// settingsChecks returns the checks of Envoy Gateway's configuration.
func settingsChecks() []Check {
	const g = GroupEnvoyGateway
	return []Check{
		{finding.NoConfiguration, g, "Envoy Gateway's configuration is found", configured},
		{finding.UnsupportedVersion, g, "the version of Envoy Gateway is supported", supported},
		{finding.NotWired, g, "Envoy Gateway has an extension manager for egraft", wired},
		{finding.OtherAddress, g, "Envoy Gateway connects to the address on which egraft listens", sameAddress},
		{finding.MissingHooks, g, "Envoy Gateway calls the hooks that the features need", onManager(hooks)},
		{finding.MissingKinds, g, "Envoy Gateway reads the custom resources of the features", onManager(kinds)},
		{finding.NotIncluded, g, "Envoy Gateway sends the resources that the features need", onManager(includes)},
		{finding.MessageLimit, g, "messages are well below the limits", onManager(limits)},
		{finding.FailOpen, g, "Envoy Gateway publishes nothing without egraft (failOpen: false)", onManager(failsClosed)},
		{finding.NotLast, g, "egraft is the last extension server", onManager(last)},
		{finding.NotLoaded, g, "Envoy Gateway runs with its current configuration", loaded},
		{finding.UntestedFlag, g, "egraft is tested with Envoy Gateway's runtime flags", runtimeFlags},
		{finding.ManagersWithFiles, g, "Envoy Gateway reads custom resources with this provider", onManager(managersWithFiles)},
		{finding.NotInRelease, g, "the release of Envoy Gateway supports the features", released},
	}
}

// manager is egraft's extension manager with its context.
type manager struct {
	*wiring.Manager
	facts *Facts
	all   Configuration
	at    int
	needs wiring.Needs
	// title names the manager, and fix is the remedy for problems in it.
	title, fix string
}

// printStanza is the command that prints the required configuration.
const printStanza = "$ egraft config envoy-gateway --format standalone   # or helm, or configmap"

// onManager runs a check on egraft's extension manager, if there is one.
func onManager(check func(*manager) []Problem) func(*Facts) verdict {
	return func(f *Facts) verdict {
		c := f.configuration()
		if !c.Known {
			return skipped("Envoy Gateway's configuration is unknown")
		}
		m := &manager{facts: f, all: c.Value, needs: f.NeedsOfEgraft()}
		if m.at = c.Value.Egrafts(&m.needs, f.socket()); m.at < 0 {
			return skipped("there is no extension manager for egraft")
		}
		m.Manager, m.title = &c.Value.Managers()[m.at], c.Value.Title(m.at)
		m.fix = "Change " + m.title + " in " + m.facts.where() + " to the output of this command, and restart Envoy Gateway:\n" + printStanza
		return found(check(m)...)
	}
}

func configured(f *Facts) verdict {
	c := f.configuration()
	switch {
	case c.Known && !f.Written.Known && f.Written.Why != "":
		return found(warning(f.Written.Why, "The checks below use the configuration of the running Envoy Gateway. Make the file readable, or pass another one:\n$ egraft doctor --envoy-gateway-config FILE"))
	case c.Known:
		return verdict{note: c.Value.Where}
	}
	why := f.Written.Why
	if why == "" {
		why = f.Running.Why
	}
	return found(failed(why, "If Envoy Gateway runs without Kubernetes, pass the file:\n$ egraft doctor --envoy-gateway-config FILE"))
}

// supported compares minor versions: the protocol does not change in patch releases.
func supported(f *Facts) verdict {
	v := f.gatewayVersion()
	switch {
	case v == "":
		return skipped("the version of Envoy Gateway is unknown")
	case minor(v) == minor(version.EnvoyGateway):
		return verdict{note: v}
	}
	return found(warning(fmt.Sprintf("Envoy Gateway has version %s, but egraft is tested with %s.x", v, minor(version.EnvoyGateway)),
		"Use Envoy Gateway "+version.EnvoyGateway+", or a version of egraft for yours."))
}

// minor returns v1.9 for v1.9.1-rc.1.
func minor(v string) string {
	parts := strings.SplitN("v"+strings.TrimPrefix(v, "v"), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func wired(f *Facts) verdict {
	c := f.configuration()
	if !c.Known {
		return skipped("Envoy Gateway's configuration is unknown")
	}
	needs := f.NeedsOfEgraft()
	if at := c.Value.Egrafts(&needs, f.socket()); at >= 0 {
		return verdict{note: c.Value.Title(at)}
	}
	message := f.where() + " has no extension manager"
	if others := c.Value.Managers(); len(others) > 0 {
		message = fmt.Sprintf("no extension manager in %s is for egraft: the first one connects to %s", f.where(), others[0].Address())
	}
	return found(failed(message, "Add the output of this command to "+f.where()+", and restart Envoy Gateway:\n"+printStanza))
}

// sameAddress compares the addresses of both ends. With TCP, a Service may be in between, and
// volumes may be mounted at different paths: then only the kind of address is compared.
func sameAddress(f *Facts) verdict {
	if len(f.egrafts()) == 0 {
		return skipped("no egraft responds")
	}
	return onManager(func(m *manager) []Problem {
		e := &f.egrafts()[0]
		if f.beside() && m.Socket() != "" && e.Network == "unix" {
			return nil // the paths may differ, see sharedSocket
		}
		if e.Network == "unix" && m.Socket() == e.Address || e.Network != "unix" && m.Socket() == "" {
			return nil
		}
		return []Problem{failed(fmt.Sprintf("%s connects to %s, but egraft listens on %s", m.title, m.Address(), e.Address),
			"Use the same path for both, and restart the one that you change:\n$ egraft serve --socket "+shell(m.Socket())+"\n"+m.fix)}
	})(f)
}

func hooks(m *manager) (out []Problem) {
	for _, h := range m.needs.Hooks {
		if !slices.Contains(m.Post(), string(h)) {
			out = append(out, failed(fmt.Sprintf("%s does not have the %s hook", m.title, h), m.fix))
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

// includes checks all extension managers together: Envoy Gateway sends every kind that one of them includes.
func includes(m *manager) (out []Problem) {
	included := func(kind string) bool {
		return slices.ContainsFunc(m.all.Managers(), func(other wiring.Manager) bool { return other.Includes(kind) })
	}
	for _, i := range m.needs.Includes {
		switch {
		case i.All && !included(i.Kind):
			out = append(out, failed(fmt.Sprintf("%s does not include %ss in the Translation hook", m.title, i.Kind), m.fix))
		case !i.All && i.Kind == "secret" && m.Includes(i.Kind):
			out = append(out, warning(m.title+" includes secrets, but no enabled feature needs them: Envoy Gateway sends private keys of listeners to egraft unnecessarily", m.fix))
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
	return []Problem{failed(m.facts.where()+" has provider.custom.resource.type: File and extensionManagers", "Replace extensionManagers with extensionManager, for egraft only.")}
}

func (m *manager) needsNoKinds() bool {
	return len(m.needs.Policies)+len(m.needs.Filters)+len(m.needs.Backends) == 0
}

// testedFlags are the runtime flags of Envoy Gateway 1.9 that are tested with egraft, or that do
// not change the calls it receives.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoygateway_types.go
var testedFlags = []string{"XDSNameSchemeV2", "EndpointSliceIndex", "PerResourceSystemCASecret"}

func runtimeFlags(f *Facts) verdict {
	c := f.configuration()
	if !c.Known {
		return skipped("Envoy Gateway's configuration is unknown")
	}
	v := verdict{note: strings.Join(c.Value.RuntimeFlags.Enabled, ", ")}
	for _, flag := range slices.Concat(c.Value.RuntimeFlags.Enabled, c.Value.RuntimeFlags.Disabled) {
		if !slices.Contains(testedFlags, flag) {
			v.problems = append(v.problems, warning("runtimeFlags has "+flag+", with which egraft is not tested", "Check what changes for your policies:\n$ egraft explain"))
		}
	}
	return v
}
