// Package survey gathers the facts that package doctor judges: from files, from egraft, Envoy
// Gateway and Envoy, and from a cluster.
//
// A fact that cannot be gathered is unknown, with the reason. The package must not modify or judge
// anything, and limits time and size.
package survey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

// Limits of responses.
const (
	maxBytes = 64 << 20
	timeout  = 10 * time.Second
)

// File reads Envoy Gateway's configuration, or a ConfigMap with it.
func File(path string) doctor.Fact[doctor.Configuration] {
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown[doctor.Configuration](err)
	}
	return configuration(path, text)
}

func configuration(where string, text []byte) doctor.Fact[doctor.Configuration] {
	c, err := wiring.Parse(text)
	if err != nil {
		return unknown[doctor.Configuration](fmt.Errorf("%s: %w", where, err))
	}
	return doctor.Known(doctor.Configuration{Where: where, Config: c})
}

func unknown[T any](err error) doctor.Fact[T] { return doctor.Unknown[T](err.Error()) }

// Endpoint is an HTTP server to query.
type Endpoint struct {
	// Name is its name in facts.
	Name string
	// Transport connects to Address, whatever network that is in.
	Transport http.RoundTripper
	Address   string
}

// Local returns an endpoint that is reached directly, without the environment's proxy.
func Local(address string) Endpoint { return Endpoint{address, &http.Transport{}, address} }

// statusError is a response with a status other than 200.
type statusError struct {
	Code   int
	status string
}

// Error implements error.
func (e *statusError) Error() string { return e.status }

// get fetches a page.
func (e *Endpoint) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s of %s: %w", path, e.Name, err)
	}
	client := &http.Client{
		Transport:     e.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirected") },
	}
	answer, err := client.Do(req)
	if err != nil {
		if outer := (*url.Error)(nil); errors.As(err, &outer) { // it repeats the name
			err = outer.Err
		}
		return nil, fmt.Errorf("ask %s: %w", e.Name, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s of %s: %w", path, e.Name, &statusError{answer.StatusCode, answer.Status})
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBytes+1))
	if err == nil && len(body) > maxBytes {
		err = fmt.Errorf("more than %d bytes", maxBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s of %s: %w", path, e.Name, err)
	}
	return body, nil
}

// document fetches a page of JSON.
func (e *Endpoint) document(ctx context.Context, path string, into any) error {
	body, err := e.get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("get %s of %s: %w", path, e.Name, err)
	}
	return nil
}

// Egraft queries an egraft about itself.
func Egraft(ctx context.Context, at Endpoint) (doctor.Egraft, error) {
	var e doctor.Egraft
	err := at.document(ctx, "/api/v1/self", &e)
	if status := (*statusError)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
		err = fmt.Errorf("%s is not an egraft that supports `egraft doctor`: %w", at.Name, err)
	}
	e.Name = at.Name
	return e, err
}

// EnvoyGateway queries Envoy Gateway for its running configuration.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/admin/console/api.go
func EnvoyGateway(ctx context.Context, at Endpoint) doctor.Fact[doctor.Configuration] {
	var info struct {
		Version string         `json:"version"`
		Config  *wiring.Config `json:"envoyGatewayConfig"`
	}
	if err := at.document(ctx, "/api/server_info", &info); err != nil {
		return unknown[doctor.Configuration](err)
	}
	if info.Config == nil {
		return doctor.Unknown[doctor.Configuration](at.Name + " does not return its configuration")
	}
	return doctor.Known(doctor.Configuration{Where: at.Name, Version: info.Version, Config: info.Config})
}

// Page returns a page of an endpoint unmodified.
func Page(ctx context.Context, at Endpoint, path string) ([]byte, error) { return at.get(ctx, path) }
