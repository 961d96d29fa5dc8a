package e2etest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// requestTime limits one request, so that a hung request is sent again.
const requestTime = 20 * time.Second

// Response is a response that came through Envoy.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// String returns the response on one line.
func (r *Response) String() string { return fmt.Sprintf("%d %s", r.Status, strings.TrimSpace(r.Body)) }

// Client returns a client that sends all requests to Envoy, whatever their host:
// http://shop.example.com/ to the Gateway's listener http, and http://shop.example.com:8889/ to the
// listener on that port. Each request uses a new connection.
func (e *Env) Client() *http.Client {
	listener, _ := e.real.addresses()
	host, main, _ := net.SplitHostPort(listener) // it is a constant
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			if port == "80" {
				port = main
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
		},
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: noRedirects, Timeout: requestTime}
}

// Get sends a GET request with [Env.Client]. It does not follow redirects.
func (e *Env) Get(t testing.TB, url string) *Response {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	r, err := e.get(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Until sends GET requests until wanted returns nil for a response, and returns that response. The
// error of wanted describes what is wrong with a response.
func (e *Env) Until(t testing.TB, url string, wanted func(*Response) error) *Response {
	t.Helper()
	var last *Response
	e.until(t, "the response to "+url, func(ctx context.Context) error {
		r, err := e.get(ctx, url)
		if err != nil {
			return err
		}
		if err := wanted(r); err != nil {
			return fmt.Errorf("%w; the last response: %s", err, r)
		}
		last = r
		return nil
	})
	return last
}

// Status returns a func for [Env.Until] that requires a status.
func Status(status int) func(*Response) error {
	return func(r *Response) error {
		if r.Status != status {
			return fmt.Errorf("the status is not %d", status)
		}
		return nil
	}
}

func (e *Env) get(ctx context.Context, url string) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := e.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("get %s: read the response: %w", url, err)
	}
	return &Response{response.StatusCode, response.Header, string(body)}, nil
}
