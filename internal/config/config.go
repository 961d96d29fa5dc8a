// Package config reads egraft's settings from flags, the environment and one file, and reports all
// errors together.
//
// Each setting has one name in three spellings: the flag --call-timeout, the variable
// EGRAFT_CALL_TIMEOUT and the field callTimeout. Precedence, highest first: flag, environment,
// file, default. The package opens only the file, and does not know which features exist.
package config

import (
	"io/fs"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/mutator"
)

// Config is the settings of `egraft serve`. See [Settings] for the usage of each.
type Config struct {
	Socket      string
	SocketMode  fs.FileMode
	SocketGroup string
	AllowedUIDs []uint32

	// ListenAddress replaces the socket unless it is empty.
	ListenAddress   string
	TLSCertFile     string
	TLSKeyFile      string
	TLSClientCAFile string
	Insecure        bool

	MaxMessageSize   resource.Quantity
	CacheSize        resource.Quantity
	JournalSize      resource.Quantity
	CallTimeout      time.Duration
	MutatorTimeout   time.Duration
	ShutdownTimeout  time.Duration
	KeepaliveTime    time.Duration
	KeepaliveTimeout time.Duration
	KeepaliveMinTime time.Duration

	// AdminAddress is empty if the admin listener is disabled.
	AdminAddress string
	Reflection   bool
	LogLevel     slog.Level
	LogFormat    logging.Format

	// KubernetesOutcomes selects whether to write Events and conditions.
	KubernetesOutcomes Choice
	Kubeconfig         string

	EDSInitialFetchTimeout time.Duration
	FastClusterUpdates     bool
	IncludeAttemptCount    bool
	// AllowSpecialDestinations permits special networks in OriginalDestinationBackends.
	AllowSpecialDestinations bool
	// MaxBufferBytes is the maximum size of a request that a BufferPolicy may make Envoy buffer.
	MaxBufferBytes   resource.Quantity
	DisabledFeatures []string
	FailurePolicies  map[string]mutator.FailurePolicy

	// NamespaceRules permit everything if empty.
	NamespaceRules tenancy.Rules
	// MaxInitialFetchTimeout, MaxPeers, MaxAgentSockets, MaxSDSSecrets and MaxFilters are [tenancy.Limits].
	MaxInitialFetchTimeout time.Duration
	MaxPeers               int
	MaxAgentSockets        int
	MaxSDSSecrets          int
	MaxFilters             int

	// from maps each setting to its source: its flag with dashes, its variable, or its field.
	from map[string]string
}

// DefaultSocket is the default path of the socket: in a volume that the containers of egraft and
// Envoy Gateway mount.
const DefaultSocket = "/var/run/egraft/egraft.sock"

// Default returns the default settings.
func Default() *Config {
	most := tenancy.DefaultLimits()
	return &Config{
		Socket:     DefaultSocket,
		SocketMode: 0o660,

		MaxMessageSize:  resource.MustParse("256Mi"),
		CacheSize:       resource.MustParse("64Mi"),
		JournalSize:     resource.MustParse("32Mi"),
		CallTimeout:     30 * time.Second,
		MutatorTimeout:  5 * time.Second,
		ShutdownTimeout: 10 * time.Second,

		KeepaliveTime:    time.Minute,
		KeepaliveTimeout: 20 * time.Second,
		KeepaliveMinTime: 5 * time.Second,

		AdminAddress: "127.0.0.1:19110",
		LogLevel:     slog.LevelInfo,
		LogFormat:    logging.Auto,

		KubernetesOutcomes: Auto,

		EDSInitialFetchTimeout: time.Second,
		MaxBufferBytes:         resource.MustParse("64Mi"),

		MaxInitialFetchTimeout: most.InitialFetchTimeout,
		MaxPeers:               most.Peers,
		MaxAgentSockets:        most.AgentSockets,
		MaxSDSSecrets:          most.SDSSecrets,
		MaxFilters:             most.Filters,

		from: map[string]string{},
	}
}

// Network returns the network and address to listen on, as package net defines them.
func (c *Config) Network() (network, address string) {
	if c.ListenAddress != "" {
		return "tcp", c.ListenAddress
	}
	return "unix", c.Socket
}

// Restrictions returns what namespaces may use.
func (c *Config) Restrictions() tenancy.Restrictions {
	return tenancy.Restrictions{Rules: c.NamespaceRules, Limits: tenancy.Limits{
		InitialFetchTimeout: c.MaxInitialFetchTimeout, Peers: c.MaxPeers, AgentSockets: c.MaxAgentSockets, SDSSecrets: c.MaxSDSSecrets, Filters: c.MaxFilters,
	}}
}

// NameOf returns the name by which a setting was set, for messages.
func (c *Config) NameOf(flag string) string {
	if from := c.from[flag]; from != "" {
		return from
	}
	return "--" + flag
}
