package config

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/pkg/setting"
)

// Setting describes one setting for help texts and documents.
type Setting struct {
	// Flag is the name of the flag without dashes, from which the other names follow.
	Flag string
	// Type is a word for the values, as pflag shows it.
	Type string
	// Default is the default value as one would write it, empty if there is none.
	Default string
	// Usage is one or two sentences.
	Usage string
}

// Variable is the name of the setting in the environment.
func (s Setting) Variable() string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
}

// Field is the name of the setting in the file.
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

// Prefix is what the names of egraft's environment variables start with.
const Prefix = "EGRAFT_"

// Settings lists all settings in the order of the documents.
func Settings() []Setting {
	var out []Setting
	for _, s := range table(Default()) {
		out = append(out, Setting{s.flag, s.value.Type(), s.value.String(), s.usage})
	}
	return out
}

// entry ties a name to a field of a [Config], or to a setting of a feature.
type entry struct {
	flag  string
	value setting.Value
	usage string
}

func (e entry) described() Setting { return Setting{Flag: e.flag} }

// table lists the settings of a configuration.
func table(c *Config) []entry {
	return append(append(append(transport(c), limits(c)...), operation(c)...), tenants(c)...)
}

func transport(c *Config) []entry {
	return []entry{
		{"socket", setting.Text(&c.Socket, "path"), "Unix socket to serve on: an absolute path of at most 107 bytes"},
		{"socket-mode", mode(&c.SocketMode), "permissions of the socket, octal; connecting needs write permission"},
		{"socket-group", setting.Text(&c.SocketGroup, "group"), "group of the socket, by name or number; the process's own group if empty"},
		{"allowed-uids", uids(&c.AllowedUIDs), "users that may connect to the socket besides egraft's own, as the kernel reports them; all that the permissions let in if empty"},
		{"listen-address", setting.Text(&c.ListenAddress, "host:port"), "serve on TCP and not on a socket; needs --tls-cert-file and --tls-key-file, or --insecure"},
		{"tls-cert-file", setting.Text(&c.TLSCertFile, "path"), "server certificate chain, PEM; read again at each handshake"},
		{"tls-key-file", setting.Text(&c.TLSKeyFile, "path"), "key of the server certificate, PEM; read again at each handshake"},
		{"tls-client-ca-file", setting.Text(&c.TLSClientCAFile, "path"), "authorities of client certificates, PEM; clients need a certificate if set"},
		{"insecure", setting.Bool(&c.Insecure), "serve TCP without TLS: whoever can reach the port can read and write everything that Envoy Gateway sends"},
	}
}

func limits(c *Config) []entry {
	return []entry{
		{"max-message-size", quantities(&c.MaxMessageSize), "largest message in bytes, both ways; Envoy Gateway's extensionManager.maxMessageSize has to be as large"},
		{"memo-size", quantities(&c.MemoSize), "memory for answers to what was asked before, in bytes; 0 is none"},
		{"call-timeout", setting.Duration(&c.CallTimeout), "longest time that a call may take; Envoy Gateway itself waits for ever"},
		{"mutator-timeout", setting.Duration(&c.MutatorTimeout), "longest time that a mutator may take for one resource, before the resource gets the failure policy"},
		{"shutdown-timeout", setting.Duration(&c.ShutdownTimeout), "time that running calls have to finish after SIGTERM or SIGINT"},
		{"keepalive-time", setting.Duration(&c.KeepaliveTime), "idle time after which egraft asks whether the client is still there"},
		{"keepalive-timeout", setting.Duration(&c.KeepaliveTimeout), "time that the client has to answer that"},
		{"keepalive-min-time", setting.Duration(&c.KeepaliveMinTime), "a client that asks more often than this is disconnected"},
	}
}

func operation(c *Config) []entry {
	return []entry{
		{"admin-address", address(&c.AdminAddress), "address of /healthz, /readyz and /metrics; off if empty or \"off\""},
		{"reflection", setting.Bool(&c.Reflection), "serve gRPC reflection"},
		{"log-level", level(&c.LogLevel), "one of debug, info, warn, error; debug has a line for each call"},
		{"log-format", format(&c.LogFormat), fmt.Sprintf("one of %s; auto is text on a terminal and JSON otherwise", words(logging.Formats()))},
		{"kubernetes-outcomes", choice(&c.KubernetesOutcomes), fmt.Sprintf("write what became of policies to Kubernetes, as Events and conditions: one of %s; auto does in a pod and with --kubeconfig", words(Choices()))},
		{"kubeconfig", setting.Text(&c.Kubeconfig, "path"), "how to reach Kubernetes; if empty, as the ServiceAccount of the pod"},
		{"endpoints-fetch-timeout", setting.Duration(&c.EndpointsFetchTimeout), "how long Envoy waits for the endpoints of a cluster that egraft changed; 0s leaves Envoy's 15 s"},
		{"prompt-clusters", setting.Bool(&c.PromptClusters), "let every change of a cluster reach traffic promptly, whoever made it: --endpoints-fetch-timeout is for all clusters"},
		{"include-attempt-count", setting.Bool(&c.IncludeAttemptCount), "tell backends in x-envoy-attempt-count which attempt a request is; Envoy Gateway then makes one call more for each virtual host"},
		{"max-buffer-bytes", quantities(&c.MaxBufferBytes), "the most that a BufferPolicy may have Envoy hold of a request, in bytes: Envoy's memory is shared by all tenants of a Gateway; a policy with more is invalid"},
		{"allow-special-destinations", setting.Bool(&c.AllowSpecialDestinations), "let OriginalDestinationBackends name loopback, link-local and other special networks in allowedCIDRs, where Envoy's admin interface and credentials of the platform can be"},
		{"disable-mutators", setting.List(&c.DisabledMutators, "names"), "mutators not to run"},
		{"failure-policy", policies(&c.FailurePolicies), "what becomes of a resource that a mutator could not treat, by mutator: Deny (refuse its traffic), Ignore (leave it) or Fail (fail the whole call)"},
	}
}

func tenants(c *Config) []entry {
	return []entry{
		{"namespace-rules", rules(&c.NamespaceRules), "what the policies of a namespace may use: for each rule namespaces and some of kinds, trustDomains, workloadIdentifiers, agentSockets, as namespaces=*;workloadIdentifiers=/ns/{namespace}/*; the first rule for a namespace decides, and the last must be for *; everything is permitted if not set"},
		{"max-initial-fetch-timeout", setting.Duration(&c.MaxInitialFetchTimeout), "longest initialFetchTimeout of a policy, from 2s to 1m: an Envoy that waits for a policy's secrets holds up all other cluster updates"},
		{"max-peers", setting.Number(&c.MaxPeers), "most SPIFFE IDs in a policy's peers or clients, from 1 to 64"},
		{"max-agent-sockets-per-namespace", setting.Number(&c.MaxAgentSockets), "most different sockets of SPIRE agents in a namespace's policies; newer policies are past it"},
		{"max-sds-secrets-per-namespace", setting.Number(&c.MaxSDSSecrets), "most different SVIDs and trust bundles that a namespace's policies have an Envoy fetch; newer policies are past it"},
	}
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
