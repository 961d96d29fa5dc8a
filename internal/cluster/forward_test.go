package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// forwarder is a node that answers one request on a port, or tells a problem, over SPDY alone.
func forwarder(t *testing.T, problem string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem == "forbidden" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(status(http.StatusForbidden, metav1.StatusReasonForbidden))
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "no WebSockets here", http.StatusBadRequest)
			return
		}
		_, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"})
		if err != nil {
			return
		}
		streams := make(chan httpstream.Stream, 2)
		conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
			streams <- s
			return nil
		})
		if conn == nil {
			return
		}
		defer conn.Close()
		problems, data := <-streams, <-streams
		if problems.Headers().Get(corev1.StreamType) != corev1.StreamTypeError || data.Headers().Get(corev1.PortHeader) != "19110" {
			problem = "wrong streams"
		}
		if problem != "" {
			_, _ = io.WriteString(problems, problem)
			_, _ = problems.Close(), data.Close()
			<-conn.CloseChan()
			return
		}
		_ = problems.Close()
		head := make([]byte, 5)
		_, _ = io.ReadFull(data, head)
		_, _ = io.WriteString(data, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"+string(head))
		<-conn.CloseChan()
	}))
	t.Cleanup(s.Close)
	return s
}

func TestForward(t *testing.T) {
	pod := Pod{Namespace: "a", Name: "p"}
	get := func(t *testing.T, s *httptest.Server) (string, error) {
		transport := at(t, Config{}, s).Transport(pod, 19110)
		defer transport.(forwarded).CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/x", nil)
		require.NoError(t, err)
		res, err := transport.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	body, err := get(t, forwarder(t, ""))
	require.NoError(t, err)
	require.Equal(t, "GET /", body)
	_, err = get(t, forwarder(t, "forbidden"))
	require.EqualError(t, err, "create pods/portforward a/p: forbidden: needs verb create on pods/portforward in namespace a; see `kubectl auth can-i create pods/portforward --namespace a`")
	_, err = get(t, forwarder(t, "connection refused\x1b[2J"))
	require.EqualError(t, err, `forward: "connection refused\x1b[2J"`)
}

// endedConn has ended before anything is written to it.
type endedConn struct {
	net.Conn
	closed chan struct{}
}

func (c endedConn) Read([]byte) (int, error) { return 0, &forwardError{errors.New("no such port")} }

func (c endedConn) Write([]byte) (int, error) {
	<-c.closed
	return 0, net.ErrClosed
}

func (c endedConn) Close() error {
	close(c.closed)
	return nil
}

func TestForwardEndsBeforeTheRequest(t *testing.T) {
	closed := make(chan struct{})
	transport := forwarded{&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return endedConn{closed: closed}, nil
	}}}
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-closed }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/x", nil)
	require.NoError(t, err)
	_, err = transport.RoundTrip(req) //nolint:bodyclose // it fails
	require.EqualError(t, err, "forward: no such port")
}
