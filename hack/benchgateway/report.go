package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// result is the result of a variant. Times are in milliseconds.
type result struct {
	Variant string `json:"variant"`
	Routes  int    `json:"routes"`
	Changes int    `json:"changes"`
	// Snapshot is the median, and Slowest the longest, of the time from the change of a route until
	// the client of the xDS server has it.
	Snapshot float64 `json:"snapshot_ms"`
	Slowest  float64 `json:"snapshot_slowest_ms"`
	// Translation is the mean duration of Envoy Gateway's translations, TranslationMedian the
	// median over the changes.
	Translation       float64 `json:"translation_ms"`
	TranslationMedian float64 `json:"translation_median_ms"`
	// Calls and the following fields are egraft's, for each translation: the number of calls, their
	// duration in egraft, and their size.
	Calls         float64 `json:"calls,omitempty"`
	CallsTime     float64 `json:"calls_ms,omitempty"`
	RequestBytes  float64 `json:"request_bytes,omitempty"`
	ResponseBytes float64 `json:"response_bytes,omitempty"`

	// GatewayCPU and ServerCPU are the processor time of Envoy Gateway and of the extension server
	// for each change.
	GatewayCPU float64 `json:"gateway_cpu_ms"`
	ServerCPU  float64 `json:"server_cpu_ms,omitempty"`

	samples []sample
	used    usage
}

// settle computes the numbers.
func (r *result) settle() {
	var snapshots, translations []float64
	var total, count float64
	for _, s := range r.samples {
		snapshots = append(snapshots, s.snapshot.Seconds()*1e3)
		translations = append(translations, s.translation.Seconds()*1e3)
		total, count = total+s.translation.Seconds()*1e3*float64(s.translations), count+float64(s.translations)
	}
	r.Changes = len(r.samples)
	r.GatewayCPU = round(r.used.gateway.Seconds() * 1e3 / float64(r.Changes))
	r.ServerCPU = round(r.used.extension.Seconds() * 1e3 / float64(r.Changes))
	r.Snapshot, r.Slowest = round(median(snapshots)), round(slices.Max(snapshots))
	r.Translation, r.TranslationMedian = round(total/count), round(median(translations))
	made := r.used.calls
	r.Calls, r.CallsTime = round(made.count/count), round(made.seconds*1e3/count)
	r.RequestBytes, r.ResponseBytes = round(made.requestBytes/count), round(made.responseBytes/count)
}

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// round rounds to microseconds.
func round(ms float64) float64 { return float64(int64(ms*1e3+0.5)) / 1e3 }

// printBenchstat writes a line for each change.
func printBenchstat(w io.Writer, r result) {
	for _, s := range r.samples {
		fmt.Fprintf(w, "BenchmarkGateway/routes=%d/variant=%s\t1\t%d ns/op\t%d translation-ns/op\n",
			r.Routes, r.Variant, s.snapshot.Nanoseconds(), s.translation.Nanoseconds())
	}
}

// report prints tables and writes the numbers. A missed target is not an error of the program: the
// machine may have been busy.
func report(w io.Writer, path string, all []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nroutes\tvariant\tchanges\tto snapshot\tslowest\ttranslation\t/ none\tCPU\tserver's CPU\tcalls\tegraft's time\tsent\treturned")
	for _, r := range all {
		fmt.Fprintf(t, "%d\t%s\t%d\t%.0f ms\t%.0f ms\t%.1f ms\t%.2f\t%.0f ms\t%.1f ms", r.Routes, r.Variant, r.Changes, r.Snapshot, r.Slowest,
			r.TranslationMedian, r.TranslationMedian/find(all, baseline, r.Routes).TranslationMedian, r.GatewayCPU, r.ServerCPU)
		if r.Calls > 0 {
			fmt.Fprintf(t, "\t%.0f\t%.2f ms\t%.0f kB\t%.0f kB", r.Calls, r.CallsTime, r.RequestBytes/1e3, r.ResponseBytes/1e3)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "\ntarget\troutes\tmeasured\tlimit\t")
	for _, g := range goals(all) {
		verdict := "ok"
		if g.measured > g.limit {
			verdict = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f\t<= %.2f\t%s\n", g.what, g.routes, g.measured, g.limit, verdict)
	}
	if err := t.Flush(); err != nil || path == "" {
		return err
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the numbers: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// goal is a target of docs/performance.md.
type goal struct {
	what            string
	routes          int
	measured, limit float64
}

func goals(all []result) (list []goal) {
	for _, r := range all {
		none := find(all, baseline, r.Routes).TranslationMedian
		switch r.Variant {
		case egraftPrinted, egraftPolicy:
			list = append(list, goal{"translation, " + r.Variant + " / " + baseline, r.Routes, r.TranslationMedian / none, 1.1})
			list = appendRatio(list, r, find(all, echoPrinted, r.Routes))
			if r.Variant == egraftPolicy {
				list = appendRatio(list, r, find(all, echoCopies, r.Routes))
			}
		case egraftAll, egraftAllPolicy:
			list = append(list, goal{r.Variant + ", egraft's part / Envoy Gateway's", r.Routes, r.CallsTime / (r.TranslationMedian - none - r.CallsTime), 1})
			list = appendRatio(list, r, find(all, echoAll, r.Routes))
		}
	}
	return list
}

// appendRatio compares with an echo of the same hooks and resources, if that was measured. Both
// include what Envoy Gateway does for any server.
func appendRatio(list []goal, r, echo result) []goal {
	if echo.TranslationMedian == 0 {
		return list
	}
	return append(list, goal{"translation, " + r.Variant + " / " + echo.Variant, r.Routes, r.TranslationMedian / echo.TranslationMedian, 1.1})
}

func find(all []result, variant string, routes int) result {
	for _, r := range all {
		if r.Variant == variant && r.Routes == routes {
			return r
		}
	}
	return result{}
}
