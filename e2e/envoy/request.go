// Package envoy is what a test asks a running Envoy: requests through its
// listeners, and its administration interface. It must not know how that Envoy
// was started.
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

// requestTime bounds one request.
const requestTime = 20 * time.Second

// Response is an answer that came through Envoy.
type Response struct {
	Status int
	Header http.Header
	Body   string
	// Echo is what the backend says, nil when the answer is Envoy's own.
	Echo *echo.Answer
}

// String is the response on one line.
func (r *Response) String() string {
	return fmt.Sprintf("%d %s", r.Status, strings.TrimSpace(r.Body))
}

// Get sends a request for a host through a listener, on a connection of its
// own.
func Get(ctx context.Context, listener, host, path string) (*Response, error) {
	return request(ctx, transport, "http://"+listener+path, host)
}

// GetHTTP2 is [Get] by HTTP/2 without TLS, as gRPC comes.
func GetHTTP2(ctx context.Context, listener, host, path string) (*Response, error) {
	return request(ctx, http2Transport(), "http://"+listener+path, host)
}

// request has the backend's answer decoded.
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

// Until sends requests until one is answered as wanted, and returns that.
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

// Page gets a page that has to be there.
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

// Peer is wanted when the backend is to see this SPIFFE ID.
func Peer(id string) func(*Response) bool {
	return func(r *Response) bool { return r.Echo != nil && r.Echo.Peer == id }
}

// Status is wanted when the answer is to have this status.
func Status(status int) func(*Response) bool {
	return func(r *Response) bool { return r.Status == status }
}

// transport opens a connection for each request, so that no answer depends on
// an older one, and keeps out of the way of proxies in the environment.
var transport = &http.Transport{DisableKeepAlives: true, Proxy: nil}

// http2Transport has a connection of its own as well.
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
