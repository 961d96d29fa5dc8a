// Package page serves a page that shows what the commands print: whether Envoy Gateway calls
// egraft, which policies have no effect, what changed last, whether egraft is healthy, and what it
// changes for each Gateway. Each part names the command that shows the same.
//
// The page has no scripts and no external resources. It shows text of tenants: this text is
// escaped, unprintable characters are spelled out, and it is never a link target on its own. The
// page must not change anything, and must not show what its sources have not redacted.
package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"net/http"
	"time"

	g "maragu.dev/gomponents"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// Config has the sources of the page's content. All fields are required.
type Config struct {
	// Explain explains a subject, in the form that [explain.ParseSubject] reads, from the last calls.
	Explain func(ctx context.Context, subject string, diff bool) (*explain.Report, error)
	// Calls returns the recorded calls without their content.
	Calls func(context.Context) []recording.Meta
	// Facts and Checks return what egraft knows about itself.
	Facts  func() doctor.Egraft
	Checks func() []doctor.Result
	Now    func() time.Time
}

//go:embed page.css
var files embed.FS

type page struct{ Config }

// Serve adds the page to an API.
func Serve(to *admin.API, cfg Config) {
	p := &page{cfg}
	to.Handle("/{$}", show(func(r *http.Request) (g.Node, error) { return p.overviewPage(p.overview(r.Context(), r.Host)), nil }))
	to.Handle("/explain", show(func(r *http.Request) (g.Node, error) {
		s, err := p.subject(r)
		if err != nil {
			return nil, err
		}
		return p.subjectPage(s), nil
	}))
	to.Handle("/page.css", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		http.ServeFileFS(w, r, files, "page.css")
	}))
}

// show serves the result of a function. It renders the whole page first, so that an error cannot
// occur in the middle of a response.
func show(of func(*http.Request) (g.Node, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		status := http.StatusOK
		node, err := of(r)
		if err != nil {
			status, node = http.StatusInternalServerError, document("This cannot be shown", answer(explain.Failed, text(err)))
			if e := (*admin.Error)(nil); errors.As(err, &e) {
				status = e.Status
			}
		}
		var b bytes.Buffer
		if err := node.Render(&b); err != nil {
			http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // fails if the client went away
	})
}

// secure makes browsers load nothing but the style sheet, and forbids frames.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
