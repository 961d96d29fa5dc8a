package page

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// Limits of the lists on a page; the commands list everything.
const (
	maxPolicies = 500
	maxCalls    = 25
	maxChanges  = 100
)

// overview is the model of the first page.
type overview struct {
	Host   string // the address of the page in the request
	Facts  doctor.Egraft
	Called bool
	Last   time.Time // the end of the last call
	Checks []doctor.Result
	Failed int // failed checks

	Error    string // why there is no report
	Gateways []string
	Without  []*explain.Policy // policies without effect
	Within   []*explain.Policy
	Omitted  int // number of policies not listed

	Calls []recording.Meta // calls that changed anything or failed, newest first
}

func (p *page) overview(ctx context.Context, host string) *overview {
	o := &overview{Host: host, Facts: p.Facts(), Checks: p.Checks()}
	for _, c := range o.Facts.Calls {
		if c.Last.After(o.Last) {
			o.Last = c.Last
		}
		o.Called = o.Called || c.OK > 0 && c.Hook == "Translation"
	}
	for i := range o.Checks {
		if o.Checks[i].Status == doctor.Failed {
			o.Failed++
		}
	}
	o.Calls = history(p.Calls(ctx), func(m *recording.Meta) bool { return m.Changed > 0 || m.Error != "" })
	report, err := p.Explain(ctx, "", false)
	if err != nil {
		o.Error = err.Error()
		return o
	}
	o.Gateways = slices.Sorted(slices.Values(report.Calls.Gateways))
	o.add(report.Policies)
	return o
}

// add separates policies with and without effect.
func (o *overview) add(policies []*explain.Policy) {
	for _, p := range policies {
		list := &o.Without
		if p.InEffect {
			list = &o.Within
		}
		if len(*list) < maxPolicies {
			*list = append(*list, p)
		} else {
			o.Omitted++
		}
	}
}

// history returns the calls that match, newest first.
func history(calls []recording.Meta, matches func(*recording.Meta) bool) (out []recording.Meta) {
	for i := range calls {
		if matches(&calls[i]) {
			out = append(out, calls[i])
		}
	}
	slices.SortStableFunc(out, func(a, b recording.Meta) int { return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.ID, b.ID)) })
	return out[:min(len(out), maxCalls)]
}
