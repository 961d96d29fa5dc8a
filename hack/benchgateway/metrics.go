package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/envoy"
)

const (
	gatewayMetrics = "http://127.0.0.1:19001/metrics"
	egraftAdmin    = "127.0.0.1:19555"
	egraftMetrics  = "http://" + egraftAdmin + "/metrics"
)

// metrics maps series, by name and labels as in Prometheus' text format, to values.
type metrics map[string]float64

func scrape(ctx context.Context, url string) (metrics, error) {
	page, err := envoy.Page(ctx, url)
	if err != nil {
		return nil, err
	}
	out := metrics{}
	for lines := bufio.NewScanner(bytes.NewReader(page)); lines.Scan(); {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if space < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q of %s: %w", line, url, err)
		}
		out[line[:space]] = value
	}
	return out, nil
}

// sum adds up the series with a name and a label.
func (m metrics) sum(name, label string) (total float64) {
	for series, value := range m {
		if rest, found := strings.CutPrefix(series, name+"{"); found && strings.Contains(rest, label) {
			total += value
		}
	}
	return total
}

// translations is the number of Envoy Gateway's translations to xDS and their duration in seconds:
// from the intermediate representation to the snapshot, calls of an extension server included.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/message/watchutil.go
type translations struct{ count, seconds float64 }

func translated(ctx context.Context) (translations, error) {
	m, err := scrape(ctx, gatewayMetrics)
	const name, label = "watchable_subscribe_duration_seconds", `runner="xds"`
	return translations{m.sum(name+"_count", label), m.sum(name+"_sum", label)}, err
}

// calls are egraft's counters for calls from Envoy Gateway since its start, see
// docs/metrics-and-logs.md.
type calls struct{ count, seconds, requestBytes, responseBytes float64 }

func called(ctx context.Context) (calls, error) {
	m, err := scrape(ctx, egraftMetrics)
	const duration = "egraft_call_duration_seconds"
	return calls{
		m.sum(duration+"_count", "hook"), m.sum(duration+"_sum", "hook"),
		m.sum("egraft_request_bytes_sum", "hook"), m.sum("egraft_response_bytes_sum", "hook"),
	}, err
}
