// Package page serves a page for people who would rather look than type: whether Envoy Gateway calls,
// what is without effect, what changed last, whether egraft is healthy, and what it changes for each
// Gateway. Each part names the command that shows the same.
//
// The page has no scripts and nothing from elsewhere, and what it shows is text of tenants: it goes
// through html/template, and characters that do not print are spelled out. It must not change anything
// and not show what its sources have not redacted.
package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// Config is where the page gets what it shows. All of it is needed.
type Config struct {
	// Explain runs the last calls again for a subject, which [explain.ParseSubject] reads.
	Explain func(ctx context.Context, subject string, diff bool) (*explain.Report, error)
	// Calls are the calls that are kept, without their content.
	Calls func(context.Context) []recording.Meta
	// Facts and Checks are what egraft knows of itself.
	Facts  func() doctor.Egraft
	Checks func() []doctor.Result
	Now    func() time.Time
}

//go:embed page.css *.html
var files embed.FS

type page struct {
	Config
	templates *template.Template
}

// Serve adds the page to an API.
func Serve(to *admin.API, cfg Config) error {
	templates, err := template.New("page").Funcs(functions(cfg.Now)).ParseFS(files, "*.html")
	if err != nil {
		return err
	}
	p := &page{cfg, templates}
	to.Handle("/{$}", p.show("overview.html", func(r *http.Request) (any, error) { return p.overview(r.Context()), nil }))
	to.Handle("/explain", p.show("subject.html", p.subject))
	to.Handle("/page.css", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		http.ServeFileFS(w, r, files, "page.css")
	}))
	return nil
}

// show answers with a template of what a function returns. It is rendered first, so that an error is
// not in the middle of a page.
func (p *page) show(name string, of func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		status, shown := http.StatusOK, name
		model, err := of(r)
		if err != nil {
			status, shown, model = http.StatusInternalServerError, "error.html", err.Error()
			if e := (*admin.Error)(nil); errors.As(err, &e) {
				status = e.Status
			}
		}
		var b bytes.Buffer
		if err := p.templates.ExecuteTemplate(&b, shown, model); err != nil {
			http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // a client that went away
	})
}

// secure has browsers load nothing but the style sheet, and show the page in no frame.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
