package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ready is whether the server accepts calls.
type ready struct{ atomic.Bool }

func (r *ready) set(b bool) { r.Store(b) }

// readyz responds with 200 if the server is ready. It responds with 503 and the reason while the
// server starts or stops, or if the service is unhealthy. With ?verbose it lists all checks, as
// Kubernetes does.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	err := s.unready()
	if r.URL.Query().Has("verbose") {
		s.verbose(w, err)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Server) unready() error {
	if !s.ready.Load() {
		return errors.New("not ready")
	}
	return s.healthy()
}

// verbose lists the checks. Only the first affects the status: an egraft that gets no calls must
// stay ready, or it would never get any.
func (s *Server) verbose(w http.ResponseWriter, unready error) {
	status, word := http.StatusOK, "passed"
	ready := Check{Name: "ready"}
	if unready != nil {
		status, word, ready.Problem = http.StatusServiceUnavailable, "failed", unready.Error()
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	checks := []Check{ready}
	if s.cfg.Checks != nil {
		checks = append(checks, s.cfg.Checks()...)
	}
	for _, c := range checks {
		if c.Problem == "" {
			fmt.Fprintf(w, "[+]%s ok\n", c.Name)
		} else {
			fmt.Fprintf(w, "[-]%s failed: %s\n", c.Name, c.Problem)
		}
	}
	fmt.Fprintf(w, "readyz check %s\n", word)
}

// admin is the HTTP listener; a nil admin does not listen.
type admin struct {
	listener net.Listener
	http     *http.Server
}

func (s *Server) openAdmin(ctx context.Context) (*admin, error) {
	if s.cfg.AdminAddress == "" {
		return nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.AdminAddress)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin address: %w", err)
	}
	return &admin{l, &http.Server{
		Handler: s.mux(), ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}}, nil
}

func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.cfg.Metrics != nil {
		mux.Handle("GET /metrics", s.cfg.Metrics)
	}
	if s.cfg.API != nil {
		mux.Handle("/", s.cfg.API)
	}
	return mux
}

// serve blocks until the listener is closed.
func (a *admin) serve() error {
	if a == nil {
		return nil
	}
	if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (a *admin) addr() net.Addr {
	if a == nil {
		return nil
	}
	return a.listener.Addr()
}

func (a *admin) close() {
	if a != nil {
		_ = a.http.Close() // the listener's error is not actionable
	}
}
