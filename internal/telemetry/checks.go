package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Check is a check that egraft runs on itself.
type Check struct {
	Code, Name string
	// Status is 0 for ok, 1 for a warning and 2 for failed.
	Status float64
}

// checks runs the checks on each scrape.
type checks struct {
	desc *prometheus.Desc
	run  func() []Check
}

func newChecks(run func() []Check) checks {
	return checks{prometheus.NewDesc("egraft_check_status",
		"Checks of egraft on itself, by code of docs/outcomes.md: 0 ok, 1 warning, 2 failed.", []string{"code", "check"}, nil), run}
}

// Describe implements prometheus.Collector.
func (c checks) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c checks) Collect(out chan<- prometheus.Metric) {
	if c.run == nil {
		return
	}
	for _, check := range c.run() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, check.Status, check.Code, check.Name)
	}
}
