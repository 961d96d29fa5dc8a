package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
)

// onAll lists policies that are attached to the Gateway of the fixture and edit all of its
// clusters. Each is measured in an egraft of its own, which has the policy's name.
var onAll = []struct{ name, object string }{
	{"BackendMTLSPolicy", mtls},
	{"XDSPatchPolicy", patchPolicy("2048")},
	{failing, patchPolicy("int(self.circuit_breakers.thresholds[7].max_requests)")},
}

// failing is the name of a policy that fails on every cluster.
const failing = "XDSPatchPolicy that fails"

// patchPolicy returns an XDSPatchPolicy with a merge, and a field that it sets to the value of an
// expression under a condition.
func patchPolicy(requests string) string {
	expression := fmt.Sprintf("target.kind == 'HTTPRoute' && size(self.circuit_breakers.thresholds) > 0 ? %s : 1", requests)
	return `{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy",` +
		`"metadata":{"namespace":"shop","name":"patch","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{` +
		`"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"gateway"}],"patches":[` +
		`{"select":{"kind":"Cluster"},"merge":{"per_connection_buffer_limit_bytes":65536,"connect_timeout":"3s"}},` +
		`{"select":{"kind":"Cluster"},"when":"target.namespace == 'shop' && self.name.startsWith('httproute/')",` +
		`"set":{"path":"circuit_breakers.thresholds[priority=DEFAULT].max_requests","expression":"` + expression + `"}}]}}`
}

// withPolicies returns the servers, one for each policy.
func withPolicies() (names []string) {
	for _, p := range onAll {
		names = append(names, p.name)
	}
	return names
}

// policyOf returns the policy of a server, empty for other servers.
func policyOf(server string) string {
	for _, p := range onAll {
		if p.name == server {
			return p.object
		}
	}
	return ""
}

// policyCases returns the cases of a size, in which each server gets a policy of its own.
func policyCases(clusters int) []benchCase {
	own := map[string]*request{}
	for _, p := range onAll {
		own[p.name] = translate(clusters, p.object)
	}
	return []benchCase{
		{name: "all-warm", prepare: func(*request, int) {}, own: own},
		{name: "one-changed", prepare: func(r *request, call int) { r.change(1, call) }, own: own},
		{name: "all-new", prepare: func(r *request, call int) { r.change(clusters, call) }, own: own},
	}
}

// checkPolicy checks that all clusters of a response are edited, or none if the policy fails.
func checkPolicy(name string, c benchCase, answer []byte) error {
	got, err := wire.Parse(answer)
	if err != nil {
		return err
	}
	asked, err := wire.Parse(c.requestOf(name).body)
	if err != nil {
		return err
	}
	edited, want := 0, len(asked.All(2))
	for _, raw := range got.All(1) {
		m := &clusterv3.Cluster{}
		if err := proto.Unmarshal(raw, m); err != nil {
			return err
		}
		if isEdited(name, m, raw) {
			edited++
		}
	}
	if name == failing {
		want = 0
	}
	if edited != want {
		return fmt.Errorf("%s edited %d of %d clusters", name, edited, len(asked.All(2)))
	}
	return nil
}

func isEdited(name string, c *clusterv3.Cluster, raw []byte) bool {
	if strings.HasPrefix(name, "XDSPatchPolicy") {
		return c.GetCircuitBreakers().GetThresholds()[0].GetMaxRequests().GetValue() == 2048 && c.GetPerConnectionBufferLimitBytes().GetValue() == 65536
	}
	return strings.Contains(string(raw), "spiffe://example.org/ns/shop/")
}

// reportPolicies prints each policy next to the first one, which uses no expressions, and writes
// the numbers.
func reportPolicies(w io.Writer, path string, all []measurement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\ncase\tclusters\tpolicy\tmedian\tmiddle half of the rounds\t× %s\tcpu\tallocs\n", onAll[0].name)
	for i, m := range all {
		all[i].CPUOp = m.cpu.Nanoseconds()
		first := find(all, m.Case, m.Resources, onAll[0].name)
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%.2f\t%s\t%d\n", m.Case, m.Resources, m.Server, ms(m.NsOp), quartiles(m.rounds),
			float64(m.NsOp)/float64(first.NsOp), ms(m.cpu.Nanoseconds()), m.AllocsOp)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeNumbers(path, all)
}
