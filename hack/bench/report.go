package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/xds"
)

// check checks that a response fits the request, so that all servers are measured at the same task.
func check(name string, c benchCase, answer []byte) error {
	switch {
	case name == "echo":
		return nil
	case c.own != nil:
		return checkPolicy(name, c, answer)
	case c.request.method != translation:
		return checkSingle(name, c, answer)
	}
	asked, err := wire.Parse(c.request.body)
	if err != nil {
		return err
	}
	got, err := wire.Parse(answer)
	if err != nil {
		return err
	}
	if w, g := len(asked.All(2)), len(got.All(1)); g != w && g != w+1 {
		return fmt.Errorf("%s responds with %d clusters to %d", name, g, w)
	}
	edited := 0
	for _, cluster := range got.All(1) {
		if bytes.Contains(cluster, []byte("spiffe://example.org/ns/shop/")) {
			edited++
		}
	}
	if want := len(asked.All(2)); c.name != "none-targeted" && edited != want || c.name == "none-targeted" && edited != 0 {
		return fmt.Errorf("%s edited %d of %d clusters", name, edited, want)
	}
	return nil
}

// checkSingle is check for a hook for a single resource. egraft stores the policy in the metadata
// of a route that has one.
func checkSingle(name string, c benchCase, answer []byte) error {
	got, err := wire.Parse(answer)
	if err != nil {
		return err
	}
	marked := bytes.Contains(answer, []byte(xds.MetadataNamespace))
	if one := len(got.Merged(1)) > 0; !one || marked != (isEgraft(name) && c.request.method == routeHook) {
		return fmt.Errorf("%s responds to %s with a resource: %t, with route metadata: %t", name, c.name, one, marked)
	}
	return nil
}

// settle computes the numbers of a measurement.
func (m *measurement) settle(before, after usage, calls int) {
	m.NsOp = median(m.rounds).Nanoseconds()
	m.BytesOp = int64((after.bytes - before.bytes) / float64(calls))
	m.AllocsOp = int64((after.allocs - before.allocs) / float64(calls))
	m.cpu = time.Duration((after.cpu - before.cpu) / float64(calls) * 1e9)
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}

// printBenchstat writes a line for each round.
func printBenchstat(w io.Writer, list []measurement) {
	for _, m := range list {
		for _, took := range m.rounds {
			fmt.Fprintf(w, "BenchmarkCall/case=%s/resources=%d/server=%s\t%d\t%d ns/op\t%d B/op\t%d allocs/op\t%d cpu-ns/op\n",
				m.Case, m.Resources, m.Server, m.calls, took.Nanoseconds(), m.BytesOp, m.AllocsOp, m.cpu.Nanoseconds())
		}
	}
}

// report prints tables and writes the numbers. A missed target is not an error of the program: the
// machine may have been busy.
func report(w io.Writer, path string, all []measurement, idle float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ncase\tresources\tegraft\techo\tplain\texample\tegraft/echo\tplain/egraft\tby cpu\tallocs")
	for _, m := range all {
		if m.Server == "egraft" {
			of := func(server string) int64 { return find(all, m.Case, m.Resources, server).NsOp }
			cpu := func(server string) time.Duration { return find(all, m.Case, m.Resources, server).cpu }
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%.2f\t%.1f\t%.2f, %.1f\t%d\n", m.Case, m.Resources, ms(m.NsOp), ms(of("echo")), ms(of("plain")), ms(of("example")),
				float64(m.NsOp)/float64(of("echo")), float64(of("plain"))/float64(m.NsOp),
				float64(m.cpu)/float64(cpu("echo")), float64(cpu("plain"))/float64(m.cpu), m.AllocsOp)
		}
	}
	fmt.Fprintln(t, "\ntarget\tmeasured\tlimit\t")
	for _, g := range goalsOf(all, idle) {
		verdict := "ok"
		if !g.Met() {
			verdict = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%.2f\t%s %.2f\t%s\n", g.What, g.Measured, sign(g), g.Limit, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeNumbers(path, all)
}

// writeNumbers writes the numbers as JSON, if there is a path.
func writeNumbers(path string, all []measurement) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func ms(ns int64) string { return fmt.Sprintf("%.2f ms", float64(ns)/1e6) }

func find(all []measurement, name string, resources int, server string) measurement {
	for _, m := range all {
		if m.Case == name && m.Resources == resources && m.Server == server {
			return m
		}
	}
	return measurement{}
}
