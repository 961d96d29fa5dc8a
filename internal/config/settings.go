package config

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/unixsocket"
	"github.com/egraft/egraft/pkg/setting"
)

// Setting describes a setting for help texts and documentation.
type Setting struct {
	// Flag is the name of the flag without dashes. The other names derive from it.
	Flag string
	// Type is the type of the value, as pflag shows it.
	Type string
	// Default is the default value as a user would write it, or empty.
	Default string
	// Usage is one or two sentences.
	Usage string
}

// Variable returns the name of the setting in the environment.
func (s Setting) Variable() string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
}

// Field returns the name of the setting in the file.
func (s Setting) Field() string {
	words := strings.Split(s.Flag, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		if acronyms := map[string]string{"uids": "UIDs", "ca": "CA", "sds": "SDS"}; acronyms[w] != "" {
			words[i+1] = acronyms[w]
		}
	}
	return strings.Join(words, "")
}

// Prefix is the prefix of egraft's environment variables.
const Prefix = "EGRAFT_"

// Settings returns all settings in the order of the documentation.
func Settings() []Setting {
	var out []Setting
	for _, s := range table(Default()) {
		out = append(out, Setting{s.flag, s.value.Type(), s.value.String(), s.usage})
	}
	return out
}

// Changed returns egraft's own settings that differ from the default, by flag. It omits settings of
// features that are not built in: they may be secret.
func (c *Config) Changed() map[string]string {
	out, defaults := map[string]string{}, table(Default())
	for i, s := range table(c) {
		if v := s.value.String(); v != defaults[i].value.String() {
			out[s.flag] = v
		}
	}
	return out
}

// entry connects a name with a field of a [Config] or a setting of a feature.
type entry struct {
	flag  string
	value setting.Value
	usage string
}

func (e entry) described() Setting { return Setting{Flag: e.flag} }

// table returns the settings of a configuration.
func table(c *Config) []entry {
	return append(append(append(transport(c), limits(c)...), operation(c)...), tenants(c)...)
}

func transport(c *Config) []entry {
	return []entry{
		{"socket", setting.Text(&c.Socket, "path"), fmt.Sprintf("Unix socket to serve on: an absolute path of at most %d bytes", unixsocket.MaxPath)},
		{"socket-mode", mode(&c.SocketMode), "permissions of the socket, octal; connecting requires write permission"},
		{"socket-group", setting.Text(&c.SocketGroup, "group"), "group of the socket, by name or number; if empty, the group of the process"},
		{"allowed-uids", uids(&c.AllowedUIDs), "user IDs that may connect to the socket in addition to egraft's own, as reported by the kernel; if empty, all users with permission"},
		{"listen-address", setting.Text(&c.ListenAddress, "host:port"), "serve on TCP instead of the socket; requires --tls-cert-file and --tls-key-file, or --insecure"},
		{"tls-cert-file", setting.Text(&c.TLSCertFile, "path"), "server certificate chain, PEM; reloaded at each handshake"},
		{"tls-key-file", setting.Text(&c.TLSKeyFile, "path"), "key of the server certificate, PEM; reloaded at each handshake"},
		{"tls-client-ca-file", setting.Text(&c.TLSClientCAFile, "path"), "CA certificates of clients, PEM; if set, clients must present a certificate"},
		{"insecure", setting.Bool(&c.Insecure), "serve TCP without TLS: anyone who can reach the port can read and write everything that Envoy Gateway sends"},
	}
}

func limits(c *Config) []entry {
	return []entry{
		{"max-message-size", quantities(&c.MaxMessageSize), "maximum message size in bytes, in both directions; set Envoy Gateway's extensionManager.maxMessageSize to the same value"},
		{"cache-size", quantities(&c.CacheSize), "maximum cache size in bytes; 0 disables the cache"},
		{"journal-size", quantities(&c.JournalSize), "maximum compressed size in bytes of the journal, which keeps the last hook calls of each Gateway, without secrets, for commands that explain them; disabled if 0 or without --admin-address"},
		{"call-timeout", setting.Duration(&c.CallTimeout), "timeout of a hook call; Envoy Gateway itself has none"},
		{"mutator-timeout", setting.Duration(&c.MutatorTimeout), "timeout of a mutator on one resource, after which the failure policy applies"},
		{"shutdown-timeout", setting.Duration(&c.ShutdownTimeout), "time for calls in flight to finish after SIGTERM or SIGINT"},
		{"keepalive-time", setting.Duration(&c.KeepaliveTime), "idle time after which egraft pings a client"},
		{"keepalive-timeout", setting.Duration(&c.KeepaliveTimeout), "timeout of the response to a ping"},
		{"keepalive-min-time", setting.Duration(&c.KeepaliveMinTime), "minimum time between two pings of a client; egraft disconnects a client that pings more often"},
	}
}

func operation(c *Config) []entry {
	return []entry{
		{"admin-address", address(&c.AdminAddress), "address of /healthz, /readyz, /metrics and the admin API, which only responds to loopback peers; disabled if empty or \"off\""},
		{"reflection", setting.Bool(&c.Reflection), "serve gRPC reflection"},
		{"log-level", level(&c.LogLevel), "one of debug, info, warn, error; debug logs a line for each call"},
		{"log-format", format(&c.LogFormat), fmt.Sprintf("one of %s; auto is text on a terminal and JSON otherwise", words(logging.Formats()))},
		{"kubernetes-outcomes", choice(&c.KubernetesOutcomes), fmt.Sprintf("write policy outcomes to Kubernetes, as Events and conditions: one of %s; auto writes them in a pod and with --kubeconfig", words(Choices()))},
		{"kubeconfig", setting.Text(&c.Kubeconfig, "path"), "kubeconfig file; if empty, the ServiceAccount of the pod"},
		{"eds-initial-fetch-timeout", setting.Duration(&c.EDSInitialFetchTimeout), "how long Envoy waits for the endpoints of a cluster that egraft changed; 0s keeps Envoy's default of 15s"},
		{"fast-cluster-updates", setting.Bool(&c.FastClusterUpdates), "apply --eds-initial-fetch-timeout to all clusters, so that cluster updates are active after about two seconds"},
		{"include-attempt-count", setting.Bool(&c.IncludeAttemptCount), "send the attempt number to backends in x-envoy-attempt-count; Envoy Gateway then makes one more call for each virtual host"},
		{"max-buffer-bytes", quantities(&c.MaxBufferBytes), "maximum maxRequestBytes of a BufferPolicy, in bytes; a policy that exceeds it is invalid, because all tenants of a Gateway share Envoy's memory"},
		{"allow-special-destinations", setting.Bool(&c.AllowSpecialDestinations), "permit loopback, link-local and other special networks in allowedCIDRs of OriginalDestinationBackends; Envoy's admin interface and the platform's credentials may be there"},
		{"disable-features", setting.List(&c.DisabledFeatures, "names"), "features to disable"},
		{"failure-policy", policies(&c.FailurePolicies), "what to do with a resource on which a mutator failed, by feature: Deny (reject its traffic), Ignore (leave it unmodified) or Fail (fail the call)"},
	}
}

func tenants(c *Config) []entry {
	return []entry{
		{"namespace-rules", rules(&c.NamespaceRules), "rules for what the policies of a namespace may use, such as namespaces=*;workloadIdentifiers=/ns/{namespace}/*; each has namespaces and any of kinds, trustDomains, workloadIdentifiers, agentSockets, filters, patches, gatewayClasses; the first rule for a namespace decides, and the last must be for *; if not set, everything is permitted except filters, patches and gatewayClasses that require a grant"},
		{"max-initial-fetch-timeout", setting.Duration(&c.MaxInitialFetchTimeout), "maximum initialFetchTimeout of a policy, from 2s to 1m; an Envoy that waits for a policy's secrets delays all its other cluster updates"},
		{"max-peers", setting.Number(&c.MaxPeers), "maximum number of SPIFFE IDs in a policy's peers or clients, from 1 to 64"},
		{"max-agent-sockets-per-namespace", setting.Number(&c.MaxAgentSockets), "maximum number of SPIRE agent sockets in the policies of a namespace; newer policies are denied"},
		{"max-sds-secrets-per-namespace", setting.Number(&c.MaxSDSSecrets), "maximum number of SVIDs and trust bundles that an Envoy fetches for the policies of a namespace; newer policies are denied"},
		{"max-filters-per-namespace", setting.Number(&c.MaxFilters), "maximum number of FilterPolicies, and of HTTPFilters, in effect for a namespace; newer ones are denied"},
	}
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
