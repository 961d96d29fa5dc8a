// Package outside adds the stages outside of egraft to a report on policies: whether Envoy Gateway
// knows them, and whether Envoy uses what egraft returned. These are the first and the last of the four stages.
//
// It queries [Surroundings], and must not judge itself: the packages known and envoyadmin do.
package outside

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/terminal"
)

// Surroundings provide information from outside of egraft.
type Surroundings interface {
	// Known gathers the facts about custom resources, in the same order; nil if they were not requested.
	Known(ctx context.Context, policies []*explain.Policy) []*known.Facts
	// Envoys returns the Envoys of a Gateway, given as namespace/name; nil if they were not requested.
	Envoys(ctx context.Context, gateway string) ([]envoyadmin.Envoy, error)
}

const (
	// envoyTimeout is the timeout for reading one Envoy. A dump of 10,000 clusters takes seconds.
	envoyTimeout = 60 * time.Second
	// envoysAtOnce is the number of Envoys read in parallel.
	envoysAtOnce = 4
)

// Complete adds the first and last stage to the policies of a report.
func Complete(ctx context.Context, s Surroundings, r *explain.Report) {
	for i, f := range s.Known(ctx, r.Policies) {
		if f != nil {
			r.Policies[i].Set(knownStage(known.Judge(f)))
		}
	}
	newSight(s, r.Policies).look(ctx)
}

func knownStage(v *known.Verdict) explain.Stage {
	var findings []explain.Finding
	state := explain.OK
	for _, p := range v.Problems {
		findings = append(findings, explain.Find(p.Code, p.Message))
		state = explain.Warning
	}
	switch {
	case v.Failed():
		state = explain.Failed
	case !v.Examined:
		state = explain.Unknown
	}
	return explain.NewStage(explain.StageKnown, state, v.Summary, findings...)
}

// sight is what to look for in Envoys.
type sight struct {
	surroundings Surroundings
	policies     []*explain.Policy // those with resources to look for
	gateways     map[string]*envoys
	wanted       map[string]map[resource]envoyadmin.Resource // by Envoy
	reports      map[string]*envoyadmin.Report               // by Envoy
}

type resource struct{ kind, name string }

// envoys are the Envoys of a Gateway.
type envoys struct {
	list []envoyadmin.Envoy
	err  error
}

func newSight(s Surroundings, policies []*explain.Policy) *sight {
	out := &sight{surroundings: s, gateways: map[string]*envoys{}, wanted: map[string]map[resource]envoyadmin.Resource{}, reports: map[string]*envoyadmin.Report{}}
	for _, p := range policies {
		if p.StoppedAt == 0 && len(p.Wanted) > 0 {
			out.policies = append(out.policies, p)
		}
	}
	return out
}

// look reads each Envoy once, for all policies.
func (s *sight) look(ctx context.Context) {
	all := map[string]envoyadmin.Envoy{}
	for _, p := range s.policies {
		for _, w := range p.Wanted {
			for _, e := range s.of(ctx, w).list {
				if all[e.Name] = e; s.wanted[e.Name] == nil {
					s.wanted[e.Name] = map[resource]envoyadmin.Resource{}
				}
				s.wanted[e.Name][resource{string(w.Kind), w.Name}] = envoyadmin.Resource{Kind: w.Kind, Name: w.Name, Encoded: w.Encoded}
			}
		}
	}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(envoysAtOnce)
	for name, e := range all {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, envoyTimeout)
			defer cancel()
			in := slices.SortedFunc(maps.Values(s.wanted[name]), func(a, b envoyadmin.Resource) int {
				return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
			})
			r := envoyadmin.Compare(ctx, e, in)
			mu.Lock()
			defer mu.Unlock()
			s.reports[name] = r
			return nil
		})
	}
	_ = g.Wait() // no function returns an error
	for _, p := range s.policies {
		if stage, told := s.stage(ctx, p); told {
			p.Set(stage)
		}
	}
}

// of returns the Envoys that should have a resource, with the first error.
func (s *sight) of(ctx context.Context, w explain.Wanted) *envoys {
	out := &envoys{}
	for _, gateway := range w.Gateways {
		e := s.gateways[gateway]
		if e == nil {
			e = &envoys{}
			e.list, e.err = s.surroundings.Envoys(ctx, gateway)
			s.gateways[gateway] = e
		}
		if out.err == nil {
			out.err = e.err
		}
		for _, one := range e.list {
			if !slices.ContainsFunc(out.list, func(o envoyadmin.Envoy) bool { return o.Name == one.Name }) {
				out.list = append(out.list, one)
			}
		}
	}
	return out
}

// stage returns the last stage of a policy. told is false if no Envoy was queried for it.
func (s *sight) stage(ctx context.Context, p *explain.Policy) (stage explain.Stage, told bool) {
	wanted := map[string]map[resource]bool{}
	var names []string
	for _, w := range p.Wanted {
		of := s.of(ctx, w)
		switch {
		case errors.Is(of.err, cluster.ErrNoPods):
			text := terminal.Printable(of.err.Error())
			return explain.NewStage(explain.StageActive, explain.Failed, text, explain.Find(finding.NoEnvoy, text)), true
		case of.err != nil:
			return explain.NewStage(explain.StageActive, explain.Unknown, terminal.Printable("not examined: "+of.err.Error())), true
		}
		for _, e := range of.list {
			if wanted[e.Name] == nil {
				wanted[e.Name] = map[resource]bool{}
				names = append(names, e.Name)
			}
			wanted[e.Name][resource{string(w.Kind), w.Name}] = true
		}
	}
	if len(names) == 0 {
		return stage, false
	}
	slices.Sort(names)
	var reports []*envoyadmin.Report
	for _, name := range names {
		reports = append(reports, s.reports[name].Only(func(k, n string) bool { return wanted[name][resource{k, n}] }))
	}
	return activeStage(envoyadmin.Judge(reports), reports), true
}

func activeStage(v *envoyadmin.Verdict, reports []*envoyadmin.Report) explain.Stage {
	var findings []explain.Finding
	state := explain.OK
	for _, p := range v.Problems {
		findings = append(findings, explain.Find(p.Code, p.Message))
		state = explain.Warning
	}
	if v.Failed() {
		state = explain.Failed
	}
	stage := explain.NewStage(explain.StageActive, state, v.Summary, findings...)
	for _, r := range reports {
		stage.Details = append(stage.Details, describe(r))
	}
	return stage
}

// describe returns a line about one Envoy.
func describe(r *envoyadmin.Report) string {
	if r.Info == nil {
		return terminal.Printable("Envoy " + r.Envoy + ": " + r.Error)
	}
	counts := map[envoyadmin.Status]int{}
	for _, one := range r.Resources {
		counts[one.Status]++
	}
	var parts []string
	for _, s := range []envoyadmin.Status{envoyadmin.Active, envoyadmin.Warming, envoyadmin.Rejected, envoyadmin.Differs, envoyadmin.Missing} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return terminal.Printable(fmt.Sprintf("Envoy %s (%s): %s", r.Envoy, r.Version, strings.Join(parts, ", ")))
}
