package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// policyReports are the outcomes of policies by feature.
type policyReports struct {
	features []featureReport
	warnings []error
}

// featureReport is the outcomes of a feature's policies.
type featureReport struct {
	feature  string
	policies []mutator.PolicyOutcome
}

// report gets the outcomes of policies from the features that do not count.
func (e *Engine) report(in *mutator.Input) *policyReports {
	r := &policyReports{}
	for i := range e.features {
		if e.features[i].Rejects == nil {
			r.add(in, &e.features[i])
		}
	}
	if in.Hook == mutator.HookTranslation {
		for _, name := range in.Routes().Stranded() {
			r.warnings = append(r.warnings, fmt.Errorf("requests to cluster %q are rejected: a patch or another extension server removed the metadata that the Route hook added to their route", name))
		}
	}
	return r
}

// reportCounting gets the outcomes of policies from the features that count.
func (e *Engine) reportCounting(in *mutator.Input, counts map[string]mutator.Counts) *policyReports {
	r := &policyReports{}
	for i := range e.features {
		if f := &e.features[i]; f.Rejects != nil {
			r.add(in.WithCounts(counts[f.Name]), f)
		}
	}
	return r
}

// add adds the outcomes of a feature. If its reporter panics, only these are lost.
func (r *policyReports) add(in *mutator.Input, f *mutator.Feature) {
	if f.Reporter == nil || !f.Uses(in.Hook) {
		return
	}
	var outcomes []mutator.PolicyOutcome
	if err := sandbox.Recover(func() error { outcomes = f.Reporter.Report(in); return nil }); err != nil {
		r.warnings = append(r.warnings, fmt.Errorf("report of feature %s: %w", f.Name, err))
		return
	}
	r.features = append(r.features, featureReport{f.Name, outcomes})
}

// addReports adds the outcomes of policies to the response. If a reporter hangs, only the outcomes
// are missing.
func (e *Engine) addReports(ctx context.Context, p *callState, res *Response) {
	r := p.reported.Load()
	if r == nil {
		var err error
		if r, err = e.reportWithin(ctx, p.report); err == nil {
			p.reported.Store(r)
		}
	}
	features := r.features
	if len(p.rejecting) > 0 && !p.isSilent {
		counts := res.countsOf()
		c, _ := p.counting.get(counts, func() (*policyReports, error) { // the error is among the warnings
			return e.reportWithin(ctx, func() *policyReports { return e.reportCounting(p.in, counts) })
		})
		features = e.inOrder(features, c.features)
		res.Warnings = append(res.Warnings, c.warnings...)
	}
	res.report(p.in.Hook, features)
	res.Warnings = append(res.Warnings, r.warnings...)
}

// reportWithin runs reporters with a timeout. With an error, there are no outcomes.
func (e *Engine) reportWithin(ctx context.Context, report func() *policyReports) (*policyReports, error) {
	r, err := sandbox.RunOnce(ctx, e.sandbox, sandbox.WholeCall, func(context.Context) (*policyReports, error) { return report(), nil })
	if err != nil {
		r = &policyReports{warnings: []error{fmt.Errorf("report policy outcomes: %w", err)}}
	}
	return r, err
}

// inOrder returns the reports in a and b in the order of the features.
func (e *Engine) inOrder(a, b []featureReport) []featureReport {
	at := func(r featureReport) int {
		return slices.IndexFunc(e.features, func(f mutator.Feature) bool { return f.Name == r.feature })
	}
	return slices.SortedStableFunc(slices.Values(slices.Concat(a, b)), func(a, b featureReport) int { return at(a) - at(b) })
}
