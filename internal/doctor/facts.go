package doctor

import (
	"time"

	"github.com/egraft/egraft/internal/wiring"
)

// Facts are what checks judge.
type Facts struct {
	// Now is when the facts were gathered.
	Now time.Time
	// Needs are what the features of the doctor's own settings need: used if no egraft responds.
	Needs wiring.Needs
	// Socket is that of the doctor's own settings, empty for TCP: used like Needs.
	Socket string
	// Written is Envoy Gateway's configuration in its file or ConfigMap, Running what Envoy Gateway
	// says that it runs with.
	Written Fact[Configuration]
	Running Fact[Configuration]
	// Egrafts are all replicas.
	Egrafts Fact[[]Egraft]
	// Sidecars has an entry for each pod of Envoy Gateway. CRDs are those of the needed kinds, and
	// Permissions those that accounts need.
	Sidecars    Fact[[]Sidecar]
	CRDs        Fact[CRDs]
	Permissions Fact[[]Permission]
	// Routed are the policies that target routes. They are looked for if [Facts.LacksRouteTargets].
	Routed Fact[[]string]
	// Envoys are all that could be found, and Patches those of EnvoyPatchPolicies.
	Envoys  Fact[[]Envoy]
	Patches Fact[[]Patch]
}

// Fact is a fact that may be unknown.
type Fact[T any] struct {
	Value T
	Known bool
	// Why says why it is unknown.
	Why string
}

// Known makes a fact.
func Known[T any](value T) Fact[T] { return Fact[T]{Value: value, Known: true} }

// Unknown makes one that is not known.
func Unknown[T any](why string) Fact[T] { return Fact[T]{Why: why} }

// Configuration is one of Envoy Gateway's.
type Configuration struct {
	// Where is the file, ConfigMap or address that it was read from.
	Where string
	// Version is Envoy Gateway's, empty if that is not known.
	Version string
	*wiring.Config
}

// Egraft is what a running egraft says about itself.
type Egraft struct {
	// Name is the pod or address. The gatherer sets it.
	Name string `json:"name,omitempty"`
	// Version is egraft's, and EnvoyGateway that of the API which it was built with.
	Version      string    `json:"egraft"`
	EnvoyGateway string    `json:"envoyGateway"`
	Started      time.Time `json:"started"`
	// Features are the enabled ones in their order.
	Features []string     `json:"features"`
	Needs    wiring.Needs `json:"needs"`
	// Network is unix or tcp, and Address the path of the socket, or host:port.
	Network         string `json:"network"`
	Address         string `json:"address"`
	MaxMessageBytes int64  `json:"maxMessageBytes"`
	// CallTimeout is the longest that a hook call takes.
	CallTimeout time.Duration `json:"callTimeoutNanoseconds"`
	// Schemas are hashes of the CRDs that belong to this egraft, by name and version.
	Schemas map[string]string `json:"schemas"`
	// Unhealthy is why egraft is not healthy, empty if it is.
	Unhealthy string  `json:"unhealthy,omitempty"`
	Calls     []Calls `json:"calls"`
}

// Calls are those of a hook since egraft started.
type Calls struct {
	Hook string `json:"hook"`
	// OK and Failed count them, TooLarge those of the failed ones with a message over a limit.
	OK       uint64 `json:"ok"`
	Failed   uint64 `json:"failed"`
	TooLarge uint64 `json:"tooLarge"`
	// Last is the end of the last call, zero if there was none, and LastCode its gRPC status.
	Last     time.Time `json:"last,omitzero"`
	LastCode string    `json:"lastCode,omitempty"`
	// LargestBytes is the size of the largest message, in either direction.
	LargestBytes int64 `json:"largestBytes"`
}

// configuration is what Envoy Gateway runs with, or is to run with.
func (f *Facts) configuration() Fact[Configuration] {
	if f.Running.Known {
		return f.Running
	}
	return f.Written
}

// egrafts are those that answer.
func (f *Facts) egrafts() []Egraft { return f.Egrafts.Value }

// NeedsOfEgraft are those of the running egraft, or of the doctor's own settings.
func (f *Facts) NeedsOfEgraft() wiring.Needs {
	if all := f.egrafts(); len(all) > 0 {
		return all[0].Needs
	}
	return f.Needs
}

// socket is that of the running egraft, empty if it listens on TCP.
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

// where is what a person changes: the file or ConfigMap if it is known.
func (f *Facts) where() string {
	if f.Written.Known {
		return f.Written.Value.Where
	}
	return "Envoy Gateway's configuration"
}
