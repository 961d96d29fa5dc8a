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

// Config is what a [Server] needs. Either Socket or TCP is required, and so are Register,
// Log, and the limits.
type Config struct {
	Socket *Socket
	TCP    *TCP

	// MaxMessageBytes limits a message in both directions.
	MaxMessageBytes int
	// CallTimeout ends the context of a call.
	CallTimeout time.Duration
	// ShutdownTimeout is how long running calls may go on after the end was asked for.
	ShutdownTimeout time.Duration
	Keepalive       Keepalive

	// Register adds the service.
	Register func(grpc.ServiceRegistrar)
	// Codec replaces gRPC's own if it is not nil.
	Codec encoding.CodecV2
	// BufferPool has the buffers for what is received, in place of gRPC's own if it is not nil.
	BufferPool mem.BufferPool
	// Reflection adds gRPC reflection.
	Reflection bool
	// Hooks names the calls to observe, by full method: others, like health checks, are
	// neither counted nor logged above debug.
	Hooks map[string]string
	// Observer may be nil.
	Observer Observer
	// StatsHandlers are told of all calls, besides.
	StatsHandlers []stats.Handler

	// AdminAddress is where to serve HTTP; empty for nowhere.
	AdminAddress string
	// Metrics is served by the admin listener at /metrics; nil for nothing.
	Metrics http.Handler
	// API is served by the admin listener at all paths that it does not know itself; nil for nothing.
	API http.Handler
	// Checks are shown by /readyz?verbose and do not change its status; it may be nil.
	Checks func() []Check

	// Healthy is why what is served does not work as it should, nil if it does. It is asked
	// by probes and may be nil.
	Healthy func() error

	Log *slog.Logger
	// Started is called once when the server is ready, with what it listens on; admin is
	// nil if there is no admin listener. It may be nil.
	Started func(addr, admin net.Addr)
}

// Check is a check of what is served on itself. Problem is empty if there is none.
type Check struct{ Name, Problem string }

// Socket is a Unix socket to serve on.
type Socket struct {
	// Path has [unixsocket.MaxPath] bytes at most.
	Path string
	Mode fs.FileMode
	// Group is a name or number; the process's own if empty.
	Group string
	// AllowedUIDs may connect besides the process's own user; everyone if empty.
	AllowedUIDs []uint32
}

// TCP is an address to serve on, with a certificate or explicitly without.
type TCP struct {
	// Address is host:port.
	Address string
	// CertFile and KeyFile are PEM files that are read again at each handshake.
	CertFile, KeyFile string
	// ClientCAFile makes client certificates of these authorities required.
	ClientCAFile string
	// Insecure is needed to serve without a certificate.
	Insecure bool
}

// Keepalive finds connections whose other end is gone. Zero values are gRPC's defaults.
type Keepalive struct {
	// Time without traffic after which the client is asked for a sign of life, and
	// Timeout is how long it has to answer.
	Time, Timeout time.Duration
	// MinTime is the shortest time between such questions of a client.
	MinTime time.Duration
}

// Observer is told of every call of a hook.
type Observer interface {
	// Call is called at the end of a call. The sizes are those of the messages on the
	// wire, 0 for one that was not read or sent.
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
