//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// tlsHandshake is the first byte of a TLS connection: the content type of a
// handshake record, RFC 8446 section 5.1.
const tlsHandshake = 22

// recorder is a cleartext backend that counts connections.
type recorder struct {
	port        int
	connections atomic.Int64
	// cleartext counts the connections that began with anything but TLS.
	cleartext atomic.Int64
}

// recorded is the response of a recorder.
const recorded = "recorded"

// recorder returns a recorder that serves until the end of the test.
func (f *fixture) recorder() *recorder {
	f.t.Helper()
	return f.recorderAt("127.0.0.1:0")
}

// recorderAt returns a recorder at an address of this machine.
func (f *fixture) recorderAt(address string) *recorder {
	f.t.Helper()
	listener, err := net.Listen("tcp", address)
	f.must(err)
	f.t.Cleanup(func() { _ = listener.Close() })
	r := &recorder{port: listener.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			r.connections.Add(1)
			go r.answer(connection)
		}
	}()
	return r
}

// answer reads one request and responds to it, if it is a request.
func (r *recorder) answer(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	if first, err := reader.Peek(1); err != nil || first[0] == tlsHandshake {
		return
	}
	r.cleartext.Add(1)
	if _, err := http.ReadRequest(reader); err == nil {
		_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(recorded), recorded)
	}
}

// route returns a route to the recorder.
func (r *recorder) route(name, section string) manifest.Route {
	return manifest.Route{Name: name, Port: r.port, Section: section}
}

// mustStayUntouched sends requests and fails the test if any connection arrives.
func (r *recorder) mustStayUntouched(f *fixture, listener, host string) {
	f.t.Helper()
	before := r.connections.Load()
	for range 20 {
		response, err := envoy.Get(f.soon(), listener, host, "/")
		f.must(err)
		if response.Status < 500 {
			f.t.Errorf("%s was answered with %s", host, response)
		}
	}
	if n := r.connections.Load() - before; n != 0 {
		f.t.Errorf("%d connections reached the backend of %s", n, host)
	}
}
