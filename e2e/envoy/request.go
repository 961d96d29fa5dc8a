// Package envoy queries a running Envoy for tests: with requests through its listeners, and through
// its administration interface. It must not depend on how that Envoy was started.
package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/process"
)

// requestTime is the timeout of a request.
const requestTime = 20 * time.Second

// Response is a response through Envoy.
type Response struct {
	Status int
	Header http.Header
	Body   string
	// Echo is the backend's report, nil if the response is Envoy's own.
	Echo *echo.Answer
}

// String returns the response on one line.
func (r *Response) String() string {
	return fmt.Sprintf("%d %s", r.Status, strings.TrimSpace(r.Body))
}

// Get sends a request for a host through a listener, on a new connection.
func Get(ctx context.Context, listener, host, path string) (*Response, error) {
	return request(ctx, transport, "http://"+listener+path, host)
}

// GetHTTP2 is [Get] by HTTP/2 without TLS, as gRPC uses it.
func GetHTTP2(ctx context.Context, listener, host, path string) (*Response, error) {
	return request(ctx, http2Transport(), "http://"+listener+path, host)
}

// request sends a request and decodes the backend's report.
func request(ctx context.Context, by http.RoundTripper, url, host string) (*Response, error) {
	out, err := get(ctx, by, url, host)
	if err != nil {
		return nil, err
	}
	answer := &echo.Answer{}
	if out.Status == http.StatusOK && json.Unmarshal([]byte(out.Body), answer) == nil {
		out.Echo = answer
	}
	return out, nil
}

// Until sends requests until one gets the wanted response, and returns it.
func Until(ctx context.Context, listener, host, what string, wanted func(*Response) bool) (*Response, error) {
	var last *Response
	err := process.Poll(ctx, host+": "+what, func(ctx context.Context) error {
		response, err := Get(ctx, listener, host, "/")
		if err != nil {
			return err
		}
		if last = response; !wanted(response) {
			return fmt.Errorf("got %s", response)
		}
		return nil
	})
	return last, err
}

// Page gets a page that must exist.
func Page(ctx context.Context, url string) ([]byte, error) {
	page, err := get(ctx, transport, url, "")
	if err != nil {
		return nil, err
	}
	if page.Status != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, page)
	}
	return []byte(page.Body), nil
}

// Peer accepts a response if the backend saw this SPIFFE ID.
func Peer(id string) func(*Response) bool {
	return func(r *Response) bool { return r.Echo != nil && r.Echo.Peer == id }
}

// Status accepts a response with this status.
func Status(status int) func(*Response) bool {
	return func(r *Response) bool { return r.Status == status }
}

// transport opens a connection for each request, so that no response depends on an earlier one, and
// does not use proxies in the environment.
var transport = &http.Transport{DisableKeepAlives: true, Proxy: nil}

// http2Transport also opens a connection for each request.
func http2Transport() http.RoundTripper {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{DisableKeepAlives: true, Proxy: nil, Protocols: protocols}
}

func get(ctx context.Context, by http.RoundTripper, url, host string) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	request.Host = host
	response, err := by.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("get %s: read the response: %w", url, err)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: string(body)}, nil
}
