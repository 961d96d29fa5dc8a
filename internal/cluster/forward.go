package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Transport is a round tripper to a port of a pod, whatever the host of a request is: use
// http://localhost. The connection is forwarded as `kubectl port-forward` does, without a port on
// this machine that others could use.
func (c *Cluster) Transport(p Pod, port uint16) http.RoundTripper {
	return forwarded{&http.Transport{
		Proxy:              nil, // that of the environment is for the API server
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.Dial(ctx, p, port)
		},
	}}
}

// forwarded is a transport over forwarded connections.
type forwarded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper. It fails with what a node told about the connection,
// without the words that net/http puts before it if the connection ends before the request is
// written.
func (f forwarded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := f.Transport.RoundTrip(req)
	var told *forwardError
	if errors.As(err, &told) {
		return nil, told
	}
	return res, err
}

// forwardError is what a node told about a connection, or why it could not be read.
type forwardError struct{ reason error }

func (e *forwardError) Error() string { return "forward: " + e.reason.Error() }
func (e *forwardError) Unwrap() error { return e.reason }

// Dial connects to a port of a pod on its loopback interface.
func (c *Cluster) Dial(ctx context.Context, p Pod, port uint16) (net.Conn, error) {
	r := request{"create", schema.GroupResource{Resource: "pods/portforward"}, p.Namespace, p.Name}
	defer c.slow(fmt.Sprintf("connect to port %d of pod %s", port, p))()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	type dialed struct {
		net.Conn
		error
	}
	out := make(chan dialed, 1)
	go func() { // client-go's dialers know no context
		conn, err := c.dial(p, port)
		out <- dialed{conn, err}
	}()
	select {
	case d := <-out:
		if d.error != nil {
			return nil, r.failed(statusOf(d.error))
		}
		return d.Conn, nil
	case <-ctx.Done():
		go func() {
			if d := <-out; d.error == nil {
				_ = d.Close() // nobody waits for it any more
			}
		}()
		return nil, r.failed(ctx.Err())
	}
}

// statusOf is the API server's status that is in the text of a dialer's error, or the error.
func statusOf(err error) error {
	text := err.Error()
	if at := strings.IndexByte(text, '{'); at >= 0 {
		var status metav1.Status
		if json.Unmarshal([]byte(text[at:]), &status) == nil && status.Kind == "Status" {
			return &apierrors.StatusError{ErrStatus: status}
		}
	}
	return err
}

func (c *Cluster) dial(p Pod, port uint16) (net.Conn, error) {
	dialer, err := c.dialer(p)
	if err != nil {
		return nil, err
	}
	conn, protocol, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	if protocol != portforward.PortForwardProtocolV1Name {
		return nil, errors.Join(fmt.Errorf("the API server speaks another protocol: %.50q", protocol), conn.Close())
	}
	stream, err := newStream(conn, port)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return stream, nil
}

// dialer uses a WebSocket, and SPDY for what is between here and the API server and does not know
// that.
func (c *Cluster) dialer(p Pod) (httpstream.Dialer, error) {
	base, _, err := rest.DefaultServerUrlFor(c.config)
	if err != nil {
		return nil, err
	}
	to := &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimSuffix(base.Path, "/") + "/api/v1/namespaces/" + p.Namespace + "/pods/" + p.Name + "/portforward"}
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	second := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, to)
	first, err := portforward.NewSPDYOverWebsocketDialerForStreaming(to, c.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(first, second, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// streamType is the header that tells the two streams of a connection apart.
// https://github.com/kubernetes/api/blob/v0.36.3/core/v1/types.go, PortForwardRequestIDHeader and others
const streamType = "streamType"

// stream is a forwarded connection. It knows no deadlines: who waits closes it.
type stream struct {
	httpstream.Stream
	conn   httpstream.Connection
	failed <-chan error // has one value when the other side has ended
}

func newStream(conn httpstream.Connection, port uint16) (*stream, error) {
	headers := http.Header{}
	headers.Set(streamType, "error")
	headers.Set("port", strconv.Itoa(int(port)))
	headers.Set("requestID", "0")
	problems, err := conn.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("make a stream: %w", err)
	}
	headers.Set(streamType, "data")
	data, err := conn.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("make a stream: %w", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- problem(problems) }()
	return &stream{data, conn, failed}, problems.Close() // nothing is written to it
}

// problem reads what the node tells about the connection.
func problem(from io.Reader) error {
	const most = 1000
	text, err := io.ReadAll(io.LimitReader(from, most))
	switch {
	case len(text) > 0:
		return &forwardError{fmt.Errorf("%q", text)}
	case err != nil:
		return &forwardError{err}
	}
	return nil
}

// Read implements net.Conn. At the end it tells why the node ended the connection.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if !errors.Is(err, io.EOF) || n > 0 {
		return n, err
	}
	select {
	case problem := <-s.failed:
		if problem != nil {
			return 0, problem
		}
	case <-time.After(time.Second):
	}
	return 0, io.EOF
}

// Close implements net.Conn.
func (s *stream) Close() error { return errors.Join(s.Stream.Reset(), s.conn.Close()) }

type streamAddr struct{}

func (streamAddr) Network() string { return "tcp" }
func (streamAddr) String() string  { return "port-forward" }

// LocalAddr implements net.Conn.
func (*stream) LocalAddr() net.Addr { return streamAddr{} }

// RemoteAddr implements net.Conn.
func (*stream) RemoteAddr() net.Addr { return streamAddr{} }

// SetDeadline implements net.Conn.
func (*stream) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (*stream) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (*stream) SetWriteDeadline(time.Time) error { return nil }
