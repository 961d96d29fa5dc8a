//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// inCleartext is the backend's response for a connection without TLS.
const inCleartext = "cleartext"

// slowPath is a path whose response takes the time for which tests observe.
const slowPath = "/slow"

// serialPath is a path whose response is the serial number of the client's certificate.
const serialPath = "/serial"

// secureLab is a lab with an agent, and with a backend that accepts cleartext and mutual TLS on one
// port and reports which one was used.
type secureLab struct {
	*lab
	issuer *devspiffe.Issuer
	seen   sync.Map // number of requests that the backend saw, by peer
}

// peers returns the number of requests that the backend saw of a peer.
func (l *secureLab) peers(peer string) int64 {
	if n, ok := l.seen.Load(peer); ok {
		return n.(*atomic.Int64).Load()
	}
	return 0
}

func newSecureLab(t *testing.T) *secureLab {
	t.Helper()
	l := &secureLab{lab: newLab(t)}
	var err error
	l.issuer, err = devspiffe.New(devspiffe.Config{TrustDomain: "example.org", Socket: filepath.Join(t.TempDir(), "agent.sock")})
	require.NoError(t, err)
	self, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	for path, id := range map[string]string{l.program: "spiffe://example.org/envoy", self: "spiffe://example.org/backend"} {
		require.NoError(t, l.issuer.AddEntry(devspiffe.Entry{ID: id, Path: path}))
	}
	require.NoError(t, l.issuer.Start())
	t.Cleanup(l.issuer.Stop)
	l.backend = l.tellingBackend()
	return l
}

// source returns the agent as policies describe it.
func (l *secureLab) source() spiffe.Source {
	return spiffe.Source{
		TrustDomain: "example.org", WorkloadIdentifier: "/envoy", TrustBundles: []v1alpha1.TrustDomain{"example.org"},
		Agent: v1alpha1.SPIREAgent{SocketPath: l.issuer.Socket()}, FetchTimeout: 2 * time.Second,
	}
}

// secure makes a cluster use mutual TLS, as egraft does.
func (l *secureLab) secure(c *clusterv3.Cluster, edit ...func(*tlsv3.UpstreamTlsContext)) *clusterv3.Cluster {
	l.t.Helper()
	s, peer := l.source(), "spiffe://example.org/backend"
	context := &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsParams:                      &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{s.SVID()},
		ValidationContextType:          s.Validation(spiffe.Matchers([]v1alpha1.SPIFFEIDMatch{{Exact: &peer}}, nil)),
	}}
	for _, e := range edit {
		e(context)
	}
	packed, err := anypb.New(context)
	require.NoError(l.t, err)
	c.TransportSocket = &corev3.TransportSocket{Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed}}
	return c
}

// rejectedByEnvoy is an edit that Envoy rejects when the cluster arrives.
func rejectedByEnvoy(c *tlsv3.UpstreamTlsContext) {
	c.CommonTlsContext.TlsParams.CipherSuites = []string{"no-such-cipher"}
}

// tellingBackend starts the backend and returns its port.
func (l *secureLab) tellingBackend() int {
	l.t.Helper()
	source, err := workloadapi.NewX509Source(l.t.Context(), workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+l.issuer.Socket())))
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = source.Close() })
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(l.t, err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := inCleartext
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			peer = r.TLS.PeerCertificates[0].URIs[0].String()
		}
		n, _ := l.seen.LoadOrStore(peer, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		if r.URL.Path == serialPath && peer != inCleartext {
			peer += fmt.Sprintf(" %x", r.TLS.PeerCertificates[0].SerialNumber)
			w.Header().Set("Connection", "close") // the next request must present its certificate
		}
		w.Header().Set(ads.PeerHeader, peer)
		if r.URL.Path == slowPath {
			select {
			case <-r.Context().Done():
			case <-time.After(observed):
			}
		}
	})}
	l.t.Cleanup(func() { _ = server.Close() })
	listener := &eitherListener{
		Listener: inner, accepted: make(chan net.Conn),
		config: tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeAny()),
	}
	go listener.run()
	go func() { _ = server.Serve(listener) }()
	return inner.Addr().(*net.TCPAddr).Port
}

// eitherListener uses TLS for clients that begin with it.
type eitherListener struct {
	net.Listener
	config   *tls.Config
	accepted chan net.Conn
}

func (l *eitherListener) run() {
	defer close(l.accepted)
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return
		}
		go func() {
			read := bufio.NewReader(connection)
			first, err := read.Peek(1)
			switch {
			case err != nil:
				_ = connection.Close()
			case first[0] == 0x16: // a handshake
				l.accepted <- tls.Server(&readConn{connection, read}, l.config)
			default:
				l.accepted <- &readConn{connection, read}
			}
		}()
	}
}

// Accept returns a connection once it is known to be TLS or not.
func (l *eitherListener) Accept() (net.Conn, error) {
	if c, ok := <-l.accepted; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// readConn is a connection from which some bytes have been read.
type readConn struct {
	net.Conn
	read *bufio.Reader
}

func (c *readConn) Read(b []byte) (int, error) { return c.read.Read(b) }

// bootWith starts Envoy with a listener and routes. It may reject resources.
func (l *secureLab) bootWith(resources ...proto.Message) {
	l.t.Helper()
	l.set(resources...)
	var err error
	l.Envoy, err = ads.StartEnvoy(l.program, l.t.TempDir(), l.Server)
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		require.NoError(l.t, l.Envoy.Stop())
		if log, err := os.ReadFile(l.Log()); l.t.Failed() {
			l.t.Logf("%s %v", log, err)
		}
	})
}

// change sends one set of updates, and watches a client of x until the response stays the same for
// a while.
func (l *secureLab) change(set, remove []proto.Message, answer string, stays time.Duration) ads.Timeline {
	l.t.Helper()
	begin := time.Now()
	require.NoError(l.t, l.Change(set, remove))
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	seen, err := l.Watch(ctx, begin, "x", answer, stays)
	require.NoError(l.t, err)
	return seen
}
