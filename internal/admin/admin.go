// Package admin serves egraft's API and page on the admin listener, to this host only.
//
// The admin listener may be open to the network for metrics, so each request to the API or page
// must come from loopback, as with a port-forward. The package serves what callers provide, and
// must not read or change anything itself.
package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// API responds with JSON to requests below /api/v1/, and passes other requests to their handlers.
type API struct{ mux *http.ServeMux }

// New returns an empty API.
func New() *API { return &API{http.NewServeMux()} }

// JSON responds to GET requests for a path with the result of a function as JSON. If the function
// returns an [*Error], the response has its status.
func (a *API) JSON(path string, answer func(*http.Request) (any, error)) {
	a.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		value, err := answer(r)
		if err != nil {
			WriteError(w, err)
			return
		}
		var b bytes.Buffer // so that an error cannot occur in the middle of a response
		if err := json.NewEncoder(&b).Encode(value); err != nil {
			WriteError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b.Bytes()) // fails if the client went away
	})
}

// Handle passes GET requests for a path to a handler.
func (a *API) Handle(path string, h http.Handler) { a.mux.Handle("GET "+path, h) }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := local(r); err != nil {
		WriteError(w, err)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	a.mux.ServeHTTP(w, r)
}

// Error is an error with an HTTP status.
type Error struct {
	Status  int
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// WriteError responds with {"error": "…"}.
func WriteError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if e := (*Error)(nil); errors.As(err, &e) {
		status = e.Status
	}
	text, _ := json.Marshal(map[string]string{"error": err.Error()}) // strings can always be marshalled
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
