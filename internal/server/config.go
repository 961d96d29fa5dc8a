package server

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
)

// Config configures a [Server]. Either Socket or TCP is required, and so are Register, Log and the
// limits.
type Config struct {
	Socket *Socket
	TCP    *TCP

	// MaxMessageBytes is the maximum message size in both directions.
	MaxMessageBytes int
	// CallTimeout is the timeout of a call's context.
	CallTimeout time.Duration
	// ShutdownTimeout is how long calls in flight may continue after shutdown starts.
	ShutdownTimeout time.Duration
	Keepalive       Keepalive

	// Register adds the service.
	Register func(grpc.ServiceRegistrar)
	// Codec replaces gRPC's own codec unless it is nil.
	Codec encoding.CodecV2
	// BufferPool replaces gRPC's own pool of receive buffers unless it is nil.
	BufferPool mem.BufferPool
	// Reflection adds gRPC reflection.
	Reflection bool
	// Hooks maps full method names to the hooks to observe. Other calls, such as health checks, are
	// not counted and are logged at debug only.
	Hooks map[string]string
	// Observer may be nil.
	Observer Observer
	// StatsHandlers are additional handlers for all calls.
	StatsHandlers []stats.Handler

	// AdminAddress is the HTTP address; empty disables it.
	AdminAddress string
	// Metrics is served by the admin listener at /metrics, unless it is nil.
	Metrics http.Handler
	// API is served by the admin listener at all paths that it does not serve itself, unless it is
	// nil.
	API http.Handler
	// Checks are listed by /readyz?verbose without affecting its status; may be nil.
	Checks func() []Check

	// Healthy returns the reason why the service is unhealthy, or nil. Probes call it; may be nil.
	Healthy func() error

	Log *slog.Logger
	// Started is called once when the server is ready, with its addresses; admin is nil without an
	// admin listener. May be nil.
	Started func(addr, admin net.Addr)
}

// Check is a check that the service runs on itself. Problem is empty if it passes.
type Check struct{ Name, Problem string }

// Socket is a Unix socket to serve on.
type Socket struct {
	// Path has at most [unixsocket.MaxPath] bytes.
	Path string
	Mode fs.FileMode
	// Group is a name or number; empty for the group of the process.
	Group string
	// AllowedUIDs may connect in addition to the user of the process; empty allows all users.
	AllowedUIDs []uint32
}

// TCP is an address to serve on, with a certificate or explicitly without.
type TCP struct {
	// Address is host:port.
	Address string
	// CertFile and KeyFile are PEM files that are reloaded at each handshake.
	CertFile, KeyFile string
	// ClientCAFile requires client certificates that these authorities issued.
	ClientCAFile string
	// Insecure is required to serve without a certificate.
	Insecure bool
}

// Keepalive detects dead connections. Zero values are gRPC's defaults.
type Keepalive struct {
	// Time is the time without traffic after which the server pings the client. Timeout is how long
	// the client has to respond.
	Time, Timeout time.Duration
	// MinTime is the minimum time between pings that a client sends.
	MinTime time.Duration
}

// Observer observes every hook call.
type Observer interface {
	// Call is called at the end of a call. The sizes are those of the messages on the wire; 0 for a
	// message that was not received or sent.
	Call(hook string, code codes.Code, took time.Duration, requestBytes, responseBytes int)
}

func (c *Config) validate() error {
	switch {
	case (c.Socket == nil) == (c.TCP == nil):
		return errors.New("server needs either a socket or a TCP address")
	case c.Register == nil || c.Log == nil:
		return errors.New("server needs a service and a logger")
	case c.MaxMessageBytes <= 0 || c.CallTimeout <= 0:
		return errors.New("server needs limits for the size and the time of calls")
	case c.TCP != nil:
		return c.TCP.validate()
	default:
		return nil
	}
}

func (t *TCP) validate() error {
	switch {
	case t.Insecure && t.CertFile+t.KeyFile+t.ClientCAFile != "":
		return errors.New("TCP cannot be insecure and have certificates")
	case !t.Insecure && (t.CertFile == "" || t.KeyFile == ""):
		return errors.New("TCP needs a certificate and its key, or to be insecure")
	default:
		return nil
	}
}
