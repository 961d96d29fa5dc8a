package doctor

import (
	"time"

	"github.com/egraft/egraft/internal/wiring"
)

// Facts are the input of the checks.
type Facts struct {
	// Now is the time when the facts were gathered.
	Now time.Time
	// Needs are the needs of the features in the doctor's own settings, used if no egraft responds.
	Needs wiring.Needs
	// Socket is the socket in the doctor's own settings, empty for TCP. It is used like Needs.
	Socket string
	// Written is Envoy Gateway's configuration in its file or ConfigMap, Running the configuration
	// that Envoy Gateway reports as running.
	Written Fact[Configuration]
	Running Fact[Configuration]
	// Egrafts are all replicas.
	Egrafts Fact[[]Egraft]
	// Sidecars has an entry for each pod of Envoy Gateway. CRDs are the CRDs of the needed kinds,
	// and Permissions the permissions that accounts need.
	Sidecars    Fact[[]Sidecar]
	CRDs        Fact[CRDs]
	Permissions Fact[[]Permission]
	// Routed are the policies that target routes. They are only listed if
	// [Facts.LacksRouteTargets].
	Routed Fact[[]string]
	// Envoys are all Envoys that were found, and Patches the operations of EnvoyPatchPolicies.
	Envoys  Fact[[]Envoy]
	Patches Fact[[]Patch]
}

// Fact is a fact that may be unknown.
type Fact[T any] struct {
	Value T
	Known bool
	// Why is the reason if it is unknown.
	Why string
}

// Known returns a known fact.
func Known[T any](value T) Fact[T] { return Fact[T]{Value: value, Known: true} }

// Unknown returns an unknown fact with the reason.
func Unknown[T any](why string) Fact[T] { return Fact[T]{Why: why} }

// Configuration is a configuration of Envoy Gateway.
type Configuration struct {
	// Where is the file, ConfigMap or address that it was read from.
	Where string
	// Version is Envoy Gateway's version, empty if unknown.
	Version string
	*wiring.Config
}

// Egraft is the information that a running egraft reports about itself.
type Egraft struct {
	// Name is the pod or address. The gatherer sets it.
	Name string `json:"name,omitempty"`
	// Version is egraft's version, and EnvoyGateway the version of the API that it was built with.
	Version      string    `json:"egraft"`
	EnvoyGateway string    `json:"envoyGateway"`
	Started      time.Time `json:"started"`
	// Features are the enabled features in order.
	Features []string     `json:"features"`
	Needs    wiring.Needs `json:"needs"`
	// Network is unix or tcp, and Address the path of the socket, or host:port.
	Network         string `json:"network"`
	Address         string `json:"address"`
	MaxMessageBytes int64  `json:"maxMessageBytes"`
	// CallTimeout is the timeout of a hook call.
	CallTimeout time.Duration `json:"callTimeoutNanoseconds"`
	// Schemas are hashes of the CRDs that belong to this egraft, by name and version.
	Schemas map[string]string `json:"schemas"`
	// Unhealthy is why egraft is unhealthy, empty if it is healthy.
	Unhealthy string  `json:"unhealthy,omitempty"`
	Calls     []Calls `json:"calls"`
}

// Calls are the calls of a hook since egraft started.
type Calls struct {
	Hook string `json:"hook"`
	// OK and Failed count the calls, TooLarge the failed ones with a message over a limit.
	OK       uint64 `json:"ok"`
	Failed   uint64 `json:"failed"`
	TooLarge uint64 `json:"tooLarge"`
	// Last is the end of the last call, zero if there was none, and LastCode its gRPC status.
	Last     time.Time `json:"last,omitzero"`
	LastCode string    `json:"lastCode,omitempty"`
	// LargestBytes is the size of the largest message, in either direction.
	LargestBytes int64 `json:"largestBytes"`
}

// configuration returns the running configuration, or the written one if the running one is unknown.
func (f *Facts) configuration() Fact[Configuration] {
	if f.Running.Known {
		return f.Running
	}
	return f.Written
}

// egrafts returns the replicas that responded.
func (f *Facts) egrafts() []Egraft { return f.Egrafts.Value }

// NeedsOfEgraft returns the needs of the running egraft, or those of the doctor's own settings.
func (f *Facts) NeedsOfEgraft() wiring.Needs {
	if all := f.egrafts(); len(all) > 0 {
		return all[0].Needs
	}
	return f.Needs
}

// socket returns the socket of the running egraft, empty if it listens on TCP.
func (f *Facts) socket() string {
	switch all := f.egrafts(); {
	case len(all) == 0:
		return f.Socket
	case all[0].Network == "unix":
		return all[0].Address
	default:
		return ""
	}
}

// where returns what a user must change: the file or ConfigMap, if known.
func (f *Facts) where() string {
	if f.Written.Known {
		return f.Written.Value.Where
	}
	return "Envoy Gateway's configuration"
}
