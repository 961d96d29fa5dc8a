package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxAnswer is the maximum size of a response in bytes.
const maxAnswer = 256 << 20

// Request is a query to a running egraft, which knows the kinds of its features.
type Request struct {
	// Subject is in the form that [ParseSubject] reads.
	Subject            string
	Diff, Seen, Wanted bool
}

// QueryError means that egraft rejected the request as invalid.
type QueryError struct{ message string }

// Error implements error.
func (e *QueryError) Error() string { return e.message }

// ErrNoAnswer is wrapped by errors about addresses where no egraft responds.
var ErrNoAnswer = errors.New("no egraft responds")

// Ask queries a running egraft at an address of its admin listener, through the transport.
func Ask(ctx context.Context, transport http.RoundTripper, address string, q Request) (*Report, error) {
	values := url.Values{}
	if q.Subject != "" {
		values.Set("subject", q.Subject)
	}
	for name, on := range map[string]bool{"diff": q.Diff, "seen": q.Seen, "wanted": q.Wanted} {
		if on {
			values.Set(name, strconv.FormatBool(on))
		}
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+Path+"?"+values.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(ask)
	if err != nil {
		if outer := (*url.Error)(nil); errors.As(err, &outer) { // it repeats the address
			err = outer.Err
		}
		return nil, fmt.Errorf("%w at %s: %w", ErrNoAnswer, address, err)
	}
	defer answer.Body.Close()
	r, err := read(answer)
	if err != nil && !errors.As(err, new(*QueryError)) {
		return nil, fmt.Errorf("query egraft at %s: %w", address, err)
	}
	return r, err
}

// read reads a response.
func read(answer *http.Response) (*Report, error) {
	body := io.LimitReader(answer.Body, maxAnswer)
	if answer.StatusCode != http.StatusOK {
		return nil, readError(answer.StatusCode, body)
	}
	r := &Report{}
	if err := json.NewDecoder(body).Decode(r); err != nil {
		return nil, fmt.Errorf("read the response: %w", err)
	}
	if r.Version != Version {
		return nil, fmt.Errorf("the response has version %d, but this egraft reads %d: use egraft of the same release", r.Version, Version)
	}
	return r, r.validate()
}

// readError returns the error in an error response.
func readError(status int, body io.Reader) error {
	var text struct {
		Error string `json:"error"`
	}
	err := json.NewDecoder(body).Decode(&text)
	switch {
	case status == http.StatusNotFound && (err != nil || text.Error == ""):
		return fmt.Errorf("%s is missing: this is another program, or an older egraft", Path)
	case err != nil || text.Error == "":
		return fmt.Errorf("%s", strings.ToLower(http.StatusText(status)))
	case status == http.StatusBadRequest:
		return &QueryError{text.Error}
	}
	return errors.New(text.Error)
}

// validate checks the properties of a report that callers rely on.
func (r *Report) validate() error {
	for _, p := range r.Policies {
		if p == nil || len(p.Stages) != len(stageNames) {
			return errors.New("the response has a policy without its four stages")
		}
		for i, s := range p.Stages {
			if s.Number != i+1 || s.State == Failed && len(s.Findings) == 0 {
				return errors.New("the response has a policy with an invalid stage")
			}
		}
	}
	return nil
}
