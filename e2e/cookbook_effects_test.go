//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/egraft/egraft/e2e/standalone"
)

func largeHeadersPass(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodGet, host, "/", "X-Large", strings.Repeat("x", 80*ki))
	return err == nil && response.StatusCode == 200, err
}

func manyHeadersAreRejected(ctx context.Context, _ *fixture, host string) (bool, error) {
	var headers []string
	for i := range 40 {
		headers = append(headers, fmt.Sprint("X-", i), "x")
	}
	response, _, err := requested(ctx, http.MethodGet, host, "/", headers...)
	return err == nil && response.StatusCode == 431, err
}

func routeTimesOut(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodGet, host, "/slow")
	return err == nil && response.StatusCode == 504, err
}

// buffersAreLimited checks the configuration: requests do not show that Envoy buffers less.
func buffersAreLimited(ctx context.Context, f *fixture, host string) (bool, error) {
	all, err := f.Configuration(ctx)
	if err != nil {
		return false, err
	}
	name, _, _ := strings.Cut(host, ".")
	limited := map[string]int{}
	for resource, text := range all {
		part, of, _ := strings.Cut(resource, " ")
		isOf := part == "dynamic_listeners" && !strings.Contains(of, "ready") || part == "dynamic_active_clusters" && strings.Contains(text, `"name": "`+name+`"`)
		if isOf && strings.Contains(text, `"per_connection_buffer_limit_bytes": 16384`) {
			limited[part]++
		} else if isOf {
			return false, nil
		}
	}
	if limited["dynamic_listeners"] == 0 || limited["dynamic_active_clusters"] == 0 {
		return false, fmt.Errorf("%s: limited %v", host, limited)
	}
	return true, nil
}

func requestIDIsKept(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodGet, host, "/", "X-Request-Id", "mine")
	return err == nil && response.Header.Get("X-Got-Id") == "mine" && response.Header.Get("X-Request-Id") == "mine", err
}

func teamIsLogged(ctx context.Context, f *fixture, host string) (bool, error) {
	before, err := f.Log(ctx, "access")
	if err != nil {
		return false, err
	}
	if _, _, err := requested(ctx, http.MethodGet, host, "/"); err != nil {
		return false, err
	}
	for ctx.Err() == nil {
		after, err := f.Log(ctx, "access")
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(string(after[len(before):])) {
			if strings.Contains(line, host) {
				return strings.Contains(line, "team=checkout"), nil
			}
		}
	}
	return false, ctx.Err()
}

func errorsAreOwn(ctx context.Context, _ *fixture, host string) (bool, error) {
	missing, body, err := requested(ctx, http.MethodGet, "nowhere.example.com", "/a")
	if err != nil || missing.StatusCode != 404 {
		return false, errors.Join(err, errors.New("there is a route"))
	}
	_, dead, err := requested(ctx, http.MethodGet, deadHost, "/")
	if err != nil {
		return false, err
	}
	response, _, err := requested(ctx, http.MethodGet, host, "/fail")
	if err != nil || response.StatusCode != 503 || response.ContentLength != 0 {
		return false, errors.Join(err, errors.New("the backend's response has changed"))
	}
	var got struct {
		Error string `json:"error"`
		Code  int    `json:"code"`
	}
	isJSON := json.Unmarshal([]byte(body), &got) == nil
	return isJSON && got.Error == "not found" && got.Code == 404 && missing.Header.Get("X-Reason") == "no-route" &&
		strings.HasPrefix(dead, "503 ") && len(dead) > len("503 -\n"), nil
}

// connectionEnds sends requests on one connection until Envoy ends it.
func connectionEnds(ctx context.Context, _ *fixture, host string) (bool, error) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for range 100 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+standalone.ListenerAddress+"/", nil)
		if err != nil {
			return false, err
		}
		request.Host = host
		response, err := transport.RoundTrip(request)
		if err != nil {
			return false, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return false, err
		}
		if response.Close {
			return true, nil
		}
	}
	return false, nil
}

// backendIsProbed reports whether Envoy's connection to the backend has the TCP keepalive timer.
func backendIsProbed(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodGet, host, "/")
	if err != nil {
		return false, err
	}
	_, port, err := net.SplitHostPort(response.Header.Get("X-Got-Address"))
	if err != nil {
		return false, err
	}
	at, err := strconv.Atoi(port)
	if err != nil {
		return false, err
	}
	sockets, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false, err
	}
	defer sockets.Close()
	for lines := bufio.NewScanner(sockets); lines.Scan(); {
		// sl, local address, remote address, state, queues, timer with its kind
		if fields := strings.Fields(lines.Text()); len(fields) > 5 && strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", at)) && fields[3] == "01" && strings.HasPrefix(fields[5], "02:") {
			return true, nil
		}
	}
	return false, nil
}

// segmentsAreSmall reports whether the listener asks its clients for small segments.
func segmentsAreSmall(ctx context.Context, _ *fixture, _ string) (bool, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", standalone.ListenerAddress)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	raw, err := connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false, err
	}
	size, failed := 0, error(nil)
	err = raw.Control(func(fd uintptr) {
		size, failed = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG)
	})
	return size <= 1200, errors.Join(err, failed)
}

// circuitBreaks reports whether Envoy rejects one of several slow requests to a destination.
func circuitBreaks(destination string) filterEffect {
	return func(ctx context.Context, _ *fixture, host string) (bool, error) {
		const requests = 6
		rejected, errs := make(chan bool, requests), make(chan error, requests)
		for range requests {
			go func() {
				response, _, err := requested(ctx, http.MethodGet, host, "/slow", "x-wanted", destination)
				rejected <- err == nil && response.StatusCode == 503
				errs <- err
			}()
		}
		any, all := false, []error{}
		for range requests {
			any, all = <-rejected || any, append(all, <-errs)
		}
		return any, errors.Join(all...)
	}
}
