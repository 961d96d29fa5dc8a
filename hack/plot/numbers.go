package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// numbers are the data of the page.
type numbers struct {
	machine machine
	calls   []call
	// policies are calls with policies of several kinds. The kind is the server.
	policies []call
	gateway  []translation
}

// call is a measurement by hack/bench: the result of a server in a case.
type call struct {
	Case      string `json:"case"`
	Resources int    `json:"resources"`
	Server    string `json:"server"`
	NsOp      int64  `json:"ns_op"`
	BytesOp   int64  `json:"bytes_op"`
	AllocsOp  int64  `json:"allocs_op"`
	CPUOp     int64  `json:"cpu_ns_op"`
}

// translation is a measurement by hack/benchgateway: the result of a variant of Envoy Gateway.
type translation struct {
	Variant       string  `json:"variant"`
	Routes        int     `json:"routes"`
	Changes       int     `json:"changes"`
	Snapshot      float64 `json:"snapshot_ms"`
	Slowest       float64 `json:"snapshot_slowest_ms"`
	Mean          float64 `json:"translation_ms"`
	Median        float64 `json:"translation_median_ms"`
	Calls         float64 `json:"calls"`
	CallsTime     float64 `json:"calls_ms"`
	RequestBytes  float64 `json:"request_bytes"`
	ResponseBytes float64 `json:"response_bytes"`
	GatewayCPU    float64 `json:"gateway_cpu_ms"`
	ServerCPU     float64 `json:"server_cpu_ms"`
}

// The files have the names that the benchmarks give them; machine.json is written by this program.
const (
	callsFile    = "bench.json"
	policiesFile = "bench-policies.json"
	gatewayFile  = "bench-gateway.json"
	machineFile  = "machine.json"
)

func dataDir(docs string) string { return filepath.Join(docs, "performance") }

// copyNumbers copies measurements made on this machine.
func copyNumbers(from, docs string) error {
	for _, name := range []string{callsFile, policiesFile, gatewayFile} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return fmt.Errorf("read what was measured (run `make bench bench-policies bench-gateway` first): %w", err)
		}
		if err := write(filepath.Join(dataDir(docs), name), content); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(thisMachine(), "", "  ")
	if err != nil {
		return fmt.Errorf("describe this machine: %w", err)
	}
	return write(filepath.Join(dataDir(docs), machineFile), append(content, '\n'))
}

// load reads the numbers of the page.
func load(docs string) (n numbers, err error) {
	for name, target := range map[string]any{callsFile: &n.calls, policiesFile: &n.policies, gatewayFile: &n.gateway, machineFile: &n.machine} {
		content, err := os.ReadFile(filepath.Join(dataDir(docs), name))
		if err != nil {
			return n, fmt.Errorf("read the page's numbers: %w", err)
		}
		if err := json.Unmarshal(content, target); err != nil {
			return n, fmt.Errorf("decode %s: %w", name, err)
		}
	}
	return n, nil
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// call returns the result of a server in a case; its time is 0 if it was not measured.
func (n *numbers) call(name string, resources int, server string) call {
	for _, c := range n.calls {
		if c.Case == name && c.Resources == resources && c.Server == server {
			return c
		}
	}
	return call{}
}

// resources returns the sizes of a case in ascending order.
func (n *numbers) resources(name string) (sizes []int) {
	for _, c := range n.calls {
		if c.Case == name {
			sizes = append(sizes, c.Resources)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// routes returns the sizes of the runs of Envoy Gateway.
func (n *numbers) routes() (sizes []int) {
	for _, t := range n.gateway {
		sizes = append(sizes, t.Routes)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// of returns the variants of a size, in the order in which they were measured.
func (n *numbers) of(routes int) []translation {
	return slices.DeleteFunc(slices.Clone(n.gateway), func(t translation) bool { return t.Routes != routes })
}

// ratio is the duration of the translation divided by that without an extension server.
func (n *numbers) ratio(t translation) float64 {
	for _, none := range n.of(t.Routes) {
		if none.Variant == "none" {
			return t.Median / none.Median
		}
	}
	return 0
}
