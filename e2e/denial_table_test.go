//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestDenials: for each kind of denial and each protocol, clients see what the table in
// docs/troubleshooting.md lists.
func TestDenials(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Listeners: append(tlsListeners, gateListeners[0])})
	backend := f.recorder()
	for name, of := range map[string]struct{ host, section string }{
		"for-route": {"for-route.example.com", "http"}, "for-cluster": {"for-cluster.example.com", "second"},
		"for-listener": {mutualHost, "https"}, "for-plaintext": {gatedHost, "gated"},
	} {
		f.route(name, of.host, gateRoute(name, of.section, of.host, fmt.Sprintf("backendRefs: [%s]", backendRef(name)), backend.port))
	}
	f.apply("certificates", certificateSecret(t, "first", mutualHost)+certificateSecret(t, "second", ordinaryHost))
	clients := map[string]deniedClient{
		"a route":                    {address: standalone.ListenerAddress, host: "for-route.example.com"},
		"a cluster":                  {address: standalone.SecondListenerAddress, host: "for-cluster.example.com"},
		"an HTTPS listener":          {address: tlsAddress, host: mutualHost, tls: true},
		"`plaintextListeners: Deny`": {address: standalone.ListenerAddress, host: gatedHost},
	}
	for _, c := range clients {
		f.wait(c.host+": a response before the policies", func(ctx context.Context) error { return c.served(ctx) })
	}
	f.policies(invalid(f.policy("HTTPRoute", "for-route", "")), invalid(f.policy("Gateway", "eg", "second")))
	f.apply("listeners", frontendPolicy("wrong", "https", "allowAnyInTrustDomain: false", f.AgentSocket())+
		frontendPolicy("gated", "gated", "allowAnyInTrustDomain: true", f.AgentSocket()))
	table := denialTable(t)
	require.Len(t, table, len(clients))
	for what, c := range clients {
		want := table[what]
		f.wait(what+" to be denied", func(ctx context.Context) error {
			if got, err := c.request(ctx, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"); err != nil || got != want["HTTP"] {
				return fmt.Errorf("got %q, %w", got, err)
			}
			return nil
		})
	}
	before := backend.connections.Load()
	for what, c := range clients {
		got := map[string]string{}
		for protocol, ask := range map[string]func(context.Context) (string, error){
			"HTTP": c.http2,
			"gRPC": c.grpc,
			"WebSocket": func(ctx context.Context) (string, error) {
				return c.request(ctx, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			},
			"CONNECT": func(ctx context.Context) (string, error) {
				return c.request(ctx, "CONNECT %[1]s:80 HTTP/1.1\r\nHost: %[1]s:80\r\n\r\n")
			},
		} {
			answer, err := ask(f.soon())
			require.NoError(t, err, "%s by %s", what, protocol)
			got[protocol] = answer
		}
		require.Equal(t, table[what], got, what)
	}
	require.Equal(t, before, backend.connections.Load(), "connections to the backend")
}

func frontendPolicy(name, section, more, socket string) string {
	return fmt.Sprintf(`---
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {name: %s, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: %s}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  agent: {socketPath: %s}
  %s
`, name, section, socket, more)
}

// denialTable returns the table of the page, by what is denied and by protocol.
func denialTable(t *testing.T) map[string]map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/troubleshooting.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "\n| egraft denies |")
	require.True(t, found)
	table, _, _ := strings.Cut("| egraft denies |"+rest, "\n\n")
	var rows [][]string
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	out := map[string]map[string]string{}
	for _, row := range rows[2:] {
		out[row[0]] = map[string]string{}
		for i, cell := range row[1:] {
			out[row[0]][rows[0][i+1]] = cell
		}
	}
	return out
}

// deniedClient sends requests to a host through a listener.
type deniedClient struct {
	address, host string
	tls           bool
}

func (c deniedClient) config() *tls.Config { return tlsClient{}.config(c.host) }

// described returns a response in the notation of the page.
func described(status any, body string) string {
	if body = strings.TrimSpace(body); body == "" {
		return fmt.Sprintf("%v, no body", status)
	}
	return fmt.Sprintf("%v, `%s`", status, body)
}

func (c deniedClient) served(ctx context.Context) error {
	got, err := c.request(ctx, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n")
	if err == nil && got != described(200, recorded) {
		err = fmt.Errorf("got %s", got)
	}
	return err
}

// request sends a request by HTTP/1.1 on a new connection.
func (c deniedClient) request(ctx context.Context, text string) (string, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if c.tls {
		connection = tls.Client(connection, c.config())
	}
	if _, err := fmt.Fprintf(connection, text, c.host); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return described(response.StatusCode, string(body)), err
}

// http2 sends a request by HTTP/2, which must get the same response as by HTTP/1.1.
func (c deniedClient) http2(ctx context.Context) (string, error) {
	if !c.tls {
		response, err := envoy.GetHTTP2(ctx, c.address, c.host, "/")
		if err != nil {
			return "", err
		}
		return described(response.Status, response.Body), nil
	}
	transport, closeAll := tlsClient{}.transport(http2, c.host)
	defer closeAll()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.host+"/", nil)
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return described(response.StatusCode, string(body)), err
}

// grpc makes a call, and returns the name of the status code as in gRPC's documentation.
func (c deniedClient) grpc(ctx context.Context) (string, error) {
	by := insecure.NewCredentials()
	if c.tls {
		by = credentials.NewTLS(c.config())
	}
	connection, err := grpc.NewClient("passthrough:///"+c.address, grpc.WithTransportCredentials(by), grpc.WithAuthority(c.host))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	s := status.Convert(connection.Invoke(ctx, say, &emptypb.Empty{}, &emptypb.Empty{}))
	name := map[codes.Code]string{codes.Unknown: "UNKNOWN", codes.Unavailable: "UNAVAILABLE", codes.PermissionDenied: "PERMISSION_DENIED"}[s.Code()]
	if name == "" {
		return "", s.Err()
	}
	return described(name, s.Message()), nil
}
