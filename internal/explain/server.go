package explain

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/recording"
)

// Path is the path of [Server].
const Path = "/api/v1/explain"

// timeout limits the time of a request. Explaining a translation of 10,000 clusters takes a second.
const timeout = 30 * time.Second

// Server serves reports, one at a time: each needs the memory of the calls.
type Server struct {
	explainer *Explainer
	recording func(context.Context) (*recording.Recording, error)
	turn      chan struct{}
}

// NewServer returns a server that explains the calls that recording returns.
func NewServer(x *Explainer, recording func(context.Context) (*recording.Recording, error)) *Server {
	return &Server{x, recording, make(chan struct{}, 1)}
}

// Answer responds to a request with a [Report]. Its query has a subject in the form of
// [ParseSubject], and diff, seen and wanted, which are true or false.
func (s *Server) Answer(r *http.Request) (any, error) {
	q, err := s.query(r)
	if err != nil {
		return nil, &admin.Error{Status: http.StatusBadRequest, Message: err.Error()}
	}
	return s.report(r.Context(), q)
}

// Report returns the report on a subject in the form of [ParseSubject], empty for all custom resources.
func (s *Server) Report(ctx context.Context, subject string, diff bool) (*Report, error) {
	of, err := ParseSubject([]string{subject}, Kinds(s.explainer.Features))
	if err != nil {
		return nil, &admin.Error{Status: http.StatusBadRequest, Message: err.Error()}
	}
	return s.report(ctx, Query{Subject: of, Diff: diff})
}

// report waits until no other report is in the making.
func (s *Server) report(ctx context.Context, q Query) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, &admin.Error{Status: http.StatusTooManyRequests, Message: "another request is in progress: try again later"}
	}
	calls, err := s.recording(ctx)
	if err != nil {
		return nil, err
	}
	return s.explainer.Explain(ctx, calls, q)
}

func (s *Server) query(r *http.Request) (q Query, err error) {
	values := r.URL.Query()
	var args []string
	if subject := values.Get("subject"); subject != "" {
		args = append(args, subject)
	}
	if q.Subject, err = ParseSubject(args, Kinds(s.explainer.Features)); err != nil {
		return q, err
	}
	for name, to := range map[string]*bool{"diff": &q.Diff, "seen": &q.Seen, "wanted": &q.Wanted} {
		if text := values.Get(name); text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return q, err
			}
		}
	}
	return q, nil
}
