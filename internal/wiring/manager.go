package wiring

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// Managers returns the extension managers in the order in which Envoy Gateway calls them.
func (c *Config) Managers() []Manager {
	if c.ExtensionManager != nil {
		return []Manager{*c.ExtensionManager}
	}
	return c.ExtensionManagers
}

// ReadsFiles reports whether Envoy Gateway reads its resources from files.
func (c *Config) ReadsFiles() bool {
	return c.Provider != nil && c.Provider.Custom != nil && c.Provider.Custom.Resource.Type == "File"
}

// Kubernetes returns the settings for Kubernetes, nil if Envoy Gateway uses the defaults or no cluster.
func (c *Config) Kubernetes() *Kubernetes {
	switch {
	case c.Provider == nil:
		return nil
	case c.Provider.Custom != nil:
		return c.Provider.Custom.Resource.Kubernetes
	default:
		return c.Provider.Kubernetes
	}
}

// Egrafts returns the index of egraft's extension manager, -1 if there is none: the one that
// connects to egraft's socket or, if none does, the last one that is named egraft or has a kind of
// custom resource that the features need. The socket may be empty.
func (c *Config) Egrafts(needs *Needs, socket string) int {
	managers := c.Managers()
	if at := slices.IndexFunc(managers, func(m Manager) bool { return socket != "" && m.Socket() == socket }); at >= 0 {
		return at
	}
	for i := len(managers) - 1; i >= 0; i-- {
		if managers[i].Name == "egraft" || managers[i].readsAnyOf(needs) {
			return i
		}
	}
	return -1
}

// readsAnyOf reports whether the manager has a kind of the features, in any version.
func (m *Manager) readsAnyOf(needs *Needs) bool {
	wanted := slices.Concat(needs.Policies, needs.Filters, needs.Backends)
	return slices.ContainsFunc(slices.Concat(m.PolicyResources, m.Resources, m.BackendResources), func(k Kind) bool {
		return slices.ContainsFunc(wanted, k.sameExceptVersion)
	})
}

func (k Kind) sameExceptVersion(other Kind) bool {
	return k.Group == other.Group && k.Kind == other.Kind
}

// Socket returns the path of the Unix socket that the manager connects to, empty if it does not use one.
func (m *Manager) Socket() string {
	if m.Service == nil || m.Service.Unix == nil {
		return ""
	}
	return m.Service.Unix.Path
}

// Address returns the address that the manager connects to, for people to read.
func (m *Manager) Address() string {
	s := m.Service
	switch {
	case s == nil:
		return "nowhere"
	case s.Unix != nil:
		return s.Unix.Path
	case s.FQDN != nil:
		return hostPort(s.FQDN.Hostname, s.FQDN.Port)
	case s.IP != nil:
		return hostPort(s.IP.Address, s.IP.Port)
	default:
		return hostPort(s.Host, s.Port)
	}
}

func hostPort(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Post returns the hooks that Envoy Gateway calls.
func (m *Manager) Post() []string {
	if m.Hooks == nil || m.Hooks.XDSTranslator == nil {
		return nil
	}
	return m.Hooks.XDSTranslator.Post
}

// Includes reports whether Envoy Gateway sends all resources of a kind (cluster, listener, route,
// secret) in the Translation hook. By default, it sends clusters and secrets.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoygateway_types.go
func (m *Manager) Includes(kind string) bool {
	byDefault := kind == "cluster" || kind == "secret"
	if m.Hooks == nil || m.Hooks.XDSTranslator == nil || m.Hooks.XDSTranslator.Translation == nil {
		return byDefault
	}
	if all := m.Hooks.XDSTranslator.Translation[kind].IncludeAll; all != nil {
		return *all
	}
	return byDefault
}

// DefaultMaxMessageBytes is Envoy Gateway's limit for a message without maxMessageSize.
const DefaultMaxMessageBytes = 4 << 20

// MaxMessageBytes returns the size of the largest message that Envoy Gateway sends and receives.
func (m *Manager) MaxMessageBytes() int64 {
	if m.MaxMessageSize == nil {
		return DefaultMaxMessageBytes
	}
	return m.MaxMessageSize.Value()
}

// Title returns the manager's name or path, as a person finds it in the configuration.
func (c *Config) Title(at int) string {
	if c.ExtensionManager != nil {
		return "extensionManager"
	}
	return fmt.Sprintf("extensionManagers[%d]", at)
}
