package server

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

const (
	unaryCall = "/grpc.testing.TestService/UnaryCall"
	testHook  = "Translation"
)

// service responds to UnaryCall with the result of a function.
type service struct {
	testpb.UnimplementedTestServiceServer
	answer func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error)
}

func (s *service) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if s.answer == nil {
		return &testpb.SimpleResponse{Payload: in.GetPayload()}, nil
	}
	return s.answer(ctx, in)
}

// lines is a log that can be read while it is being written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// find returns the records with the given message.
func (l *lines) find(t *testing.T, msg string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(l.buf.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record["msg"] == msg {
			found = append(found, record)
		}
	}
	return found
}

// wait waits for a record with the given message and returns the first.
func (l *lines) wait(t *testing.T, msg string) map[string]any {
	t.Helper()
	require.Eventually(t, func() bool { return len(l.find(t, msg)) > 0 }, 10*time.Second, time.Millisecond, "log line %q", msg)
	return l.find(t, msg)[0]
}

// observation is the arguments of a call of an observer.
type observation struct {
	hook              string
	code              codes.Code
	request, response int
}

type observations chan observation

func (o observations) Call(hook string, code codes.Code, _ time.Duration, request, response int) {
	o <- observation{hook, code, request, response}
}

// instance is a running server.
type instance struct {
	addr, admin net.Addr
	log         *lines
	calls       observations
	stop        context.CancelFunc
	ended       chan error
}

// start runs a server until the test ends, with a configuration that change modifies.
func start(t *testing.T, change func(*Config)) *instance {
	t.Helper()
	return run(t, newServer(t, change))
}

// prepared is a server that is not running yet, with its log and observer.
type prepared struct {
	*Server
	log   *lines
	calls observations
}

func newServer(t *testing.T, change func(*Config)) *prepared {
	t.Helper()
	p := &prepared{log: &lines{}, calls: make(observations, 100)}
	cfg := testConfig(t, p.log)
	cfg.Observer = p.calls
	if change != nil {
		change(&cfg)
	}
	var err error
	p.Server, err = New(cfg)
	require.NoError(t, err)
	return p
}

func testConfig(t *testing.T, log *lines) Config {
	return Config{
		Socket:          &Socket{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o600},
		MaxMessageBytes: 1 << 20,
		CallTimeout:     time.Minute,
		ShutdownTimeout: time.Minute,
		Register:        func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, &service{}) },
		Hooks:           map[string]string{unaryCall: testHook},
		AdminAddress:    "127.0.0.1:0",
		Log:             slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func run(t *testing.T, p *prepared) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	i := &instance{log: p.log, calls: p.calls, stop: cancel, ended: make(chan error, 1)}
	started := make(chan struct{})
	p.cfg.Started = func(addr, admin net.Addr) { i.addr, i.admin = addr, admin; close(started) }
	go func() { i.ended <- p.Run(ctx) }()
	t.Cleanup(cancel)
	select {
	case <-started:
	case err := <-i.ended:
		require.FailNow(t, "server ended before it served", "%v", err)
	}
	return i
}

// answering registers a service that responds with the result of a function.
func answering(f func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error)) func(*Config) {
	return func(c *Config) {
		c.Register = func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, &service{answer: f}) }
	}
}

// dial connects without TLS unless other credentials are given.
func (i *instance) dial(t *testing.T, creds ...credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	target := i.addr.String()
	if i.addr.Network() == "unix" {
		target = "unix:" + target
	}
	creds = append(creds, insecure.NewCredentials())
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds[0]))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (i *instance) call(t *testing.T, creds ...credentials.TransportCredentials) (*testpb.SimpleResponse, error) {
	t.Helper()
	return testpb.NewTestServiceClient(i.dial(t, creds...)).UnaryCall(t.Context(), payload(100))
}

func payload(n int) *testpb.SimpleRequest {
	return &testpb.SimpleRequest{Payload: &testpb.Payload{Body: make([]byte, n)}}
}
