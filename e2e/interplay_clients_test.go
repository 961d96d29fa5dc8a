//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// Versions of HTTP, as in responses.
const (
	http11 = "HTTP/1.1"
	http2  = "HTTP/2.0"
	http30 = "HTTP/3.0"
)

// answered is a response by TLS or QUIC.
type answered struct {
	status int
	proto  string
	header http.Header
	echo   echo.Answer
	// names are the names in the certificate that Envoy presented.
	names []string
}

// by sends a request with a body to the Gateway's TLS port, by a version of HTTP and on a new
// connection.
func (c tlsClient) by(ctx context.Context, version, host string, body io.Reader) (*answered, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", body)
	if err != nil {
		return nil, err
	}
	transport, closeAll := c.transport(version, host)
	defer closeAll()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", version, host, err)
	}
	defer response.Body.Close()
	out := &answered{
		status: response.StatusCode, proto: response.Proto, header: response.Header, names: response.TLS.PeerCertificates[0].DNSNames,
	}
	content, err := io.ReadAll(response.Body)
	if err != nil || out.status != http.StatusOK {
		return out, err
	}
	return out, json.Unmarshal(content, &out.echo)
}

// transport returns a transport for a version of HTTP.
func (c tlsClient) transport(version, host string) (by http.RoundTripper, closeAll func()) {
	config := c.config(host)
	if version == http30 {
		t := &http3.Transport{TLSClientConfig: config, Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, quicConfig *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, tlsAddress, tlsConfig, quicConfig)
		}}
		return t, func() { _ = t.Close() }
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(version == http11)
	protocols.SetHTTP2(version == http2)
	t := &http.Transport{TLSClientConfig: config, Protocols: protocols, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, tlsAddress)
	}}
	return t, t.CloseIdleConnections
}

// rpcBackend serves gRPC in cleartext, with its health service.
func (f *fixture) rpcBackend() (port int) {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	f.t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().(*net.TCPAddr).Port
}

// rpc makes a call and returns its result.
func (c tlsClient) rpc(ctx context.Context) (string, error) {
	connection, err := grpc.NewClient("passthrough:///"+tlsAddress, grpc.WithTransportCredentials(credentials.NewTLS(c.config(rpcHost))))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	response, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return response.GetStatus().String(), err
}

// mirror sends back what it receives by TCP.
func (f *fixture) mirror() (port int) {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	f.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer connection.Close()
				_, _ = io.Copy(connection, connection)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// mirrored sends bytes to the TCP listener and returns what comes back.
func mirrored(ctx context.Context, content []byte) ([]byte, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", tcpListenerAddress)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := connection.Write(content)
		sent <- err
	}()
	back := make([]byte, len(content))
	if _, err := io.ReadFull(connection, back); err != nil {
		return nil, err
	}
	return back, <-sent
}

// toPool sends a request with a body and headers to the pool.
func (in *interplay) toPool(body []byte, headers ...string) *envoy.Response {
	in.t.Helper()
	request, err := http.NewRequestWithContext(in.soon(), http.MethodPost, "http://"+standalone.ListenerAddress+"/", bytes.NewReader(body))
	in.must(err)
	request.Host = poolHost
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	in.must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	in.must(err)
	out := &envoy.Response{Status: response.StatusCode, Header: response.Header, Body: string(content), Echo: &echo.Answer{}}
	if out.Status == http.StatusOK {
		in.must(json.Unmarshal(content, out.Echo))
	}
	return out
}

// rejectionOfTLS12 returns the error of a connection whose client supports at most TLS 1.2.
func (c tlsClient) rejectionOfTLS12(ctx context.Context, host string) error {
	config := c.config(host)
	config.MaxVersion = tls.VersionTLS12
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", tlsAddress)
	if err == nil {
		err = connection.Close()
	}
	return err
}
