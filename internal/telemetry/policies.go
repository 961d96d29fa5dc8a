package telemetry

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/egraft/egraft/pkg/mutator"
)

// maxSubjects limits the memory of [policies]: the number of Gateways, and of custom resources in
// calls for single resources. When it is exceeded, everything is removed, and the following calls add it again.
const maxSubjects = 10_000

// outcome is the key by which policies are counted. Both fields have a limited set of values: only
// kinds of features are read.
type outcome struct{ kind, reason string }

// policies counts custom resources by their last outcome, without a series for each resource.
type policies struct {
	desc  *prometheus.Desc
	kinds []string

	mu       sync.Mutex
	gateways map[string]map[outcome]int // of the last translation
	single   map[string]outcome         // of the last call of the other hooks, by custom resource
}

func newPolicies(features []mutator.Feature) *policies {
	var kinds []string
	for i := range features {
		f := &features[i]
		for _, k := range slices.Concat(f.Policies, f.Filters, f.Backends) {
			kinds = append(kinds, k.Kind)
		}
	}
	return &policies{
		kinds: kinds,
		desc: prometheus.NewDesc("egraft_policies",
			"Policies, filters and backends by their outcome in the last call that contained them; one on several Gateways counts for each.", []string{"kind", "reason"}, nil),
		gateways: map[string]map[outcome]int{}, single: map[string]outcome{},
	}
}

// Policies counts the outcomes in a call. For a translation, which has all custom resources of its
// Gateway, gateway is its name; it is empty for other hooks.
func (t *Telemetry) Policies(gateway string, outcomes []mutator.PolicyOutcome) {
	t.policies.mu.Lock()
	defer t.policies.mu.Unlock()
	if gateway == "" {
		t.policies.note(outcomes)
		return
	}
	if len(outcomes) == 0 {
		delete(t.policies.gateways, gateway)
		return
	}
	counts := map[outcome]int{}
	for i := range outcomes {
		if o := &outcomes[i]; o.Reason != mutator.Pending {
			counts[outcome{o.Policy.GroupVersionKind.Kind, string(o.Reason)}]++
		}
	}
	if len(t.policies.gateways) >= maxSubjects {
		clear(t.policies.gateways)
	}
	t.policies.gateways[gateway] = counts
}

func (p *policies) note(outcomes []mutator.PolicyOutcome) {
	for i := range outcomes {
		o := &outcomes[i]
		if o.Reason == mutator.Pending {
			continue
		}
		if len(p.single) >= maxSubjects {
			clear(p.single)
		}
		p.single[o.Policy.String()] = outcome{o.Policy.GroupVersionKind.Kind, string(o.Reason)}
	}
}

// Describe implements prometheus.Collector.
func (p *policies) Describe(out chan<- *prometheus.Desc) { out <- p.desc }

// Collect implements prometheus.Collector.
func (p *policies) Collect(out chan<- prometheus.Metric) {
	for o, n := range p.counts() {
		out <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, float64(n), o.kind, o.reason)
	}
}

func (p *policies) counts() map[outcome]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[outcome]int{}
	for _, k := range p.kinds {
		all[outcome{k, string(mutator.Programmed)}] = 0 // so that the series exists from the start
	}
	for _, counts := range p.gateways {
		for o, n := range counts {
			all[o] += n
		}
	}
	for _, o := range p.single {
		all[o]++
	}
	return all
}
