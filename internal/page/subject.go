package page

import (
	"net/http"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// subject is the model of the page about a Gateway, a policy or another subject.
type subject struct {
	Host    string // the address of the page in the request
	Subject string
	*explain.Report
	History []recording.Meta
	// Shown are egraft's changes, up to the limit of a page.
	Shown   []explain.Change
	Summary []explain.Summary
	Hidden  int
}

func (p *page) subject(r *http.Request) (*subject, error) {
	name := r.URL.Query().Get("subject")
	report, err := p.Explain(r.Context(), name, true)
	if err != nil {
		return nil, err
	}
	s := &subject{Host: r.Host, Subject: name, Report: report}
	s.History = history(p.Calls(r.Context()), func(m *recording.Meta) bool {
		return m.Translation == "" && slices.ContainsFunc(strings.Split(m.Gateway, ","), func(g string) bool { return slices.Contains(s.gateways(), g) })
	})
	changes := s.changes()
	if changes == nil {
		return s, nil
	}
	s.Shown, s.Summary = changes.Resources[:min(len(changes.Resources), maxChanges)], changes.Summary
	s.Hidden = changes.Omitted + len(changes.Resources) - len(s.Shown)
	return s, nil
}

// gateways returns the Gateways of the subject: itself, or those whose calls contain it.
func (s *subject) gateways() []string {
	if kind, name, _ := strings.Cut(s.Subject, "/"); strings.EqualFold(kind, "gateway") {
		return []string{name}
	}
	var all []string
	for _, p := range s.Policies {
		for _, o := range p.Outcomes {
			all = append(all, strings.Split(o.Subject, ",")...)
		}
	}
	return all
}

// changes returns the changes of the report, or of its only policy.
func (s *subject) changes() *explain.Changes {
	if s.Changes == nil && len(s.Policies) == 1 {
		return s.Policies[0].Changes
	}
	return s.Changes
}
