package extension_test

import (
	"slices"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// published stores the published outcomes.
type published struct {
	mu  sync.Mutex
	got []string
}

// Publish implements [extension.Publisher].
func (p *published) Publish(gateway string, outcomes []mutator.PolicyOutcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range outcomes {
		p.got = append(p.got, gateway+": "+o.Policy.Name+" "+string(o.Reason))
	}
}

// reports reports that a policy is in effect for all hooks except HTTPListener. It is not called
// for calls without policies.
type reports struct{}

// Report implements [mutator.Reporter].
func (reports) Report(in *mutator.Input) []mutator.PolicyOutcome {
	if in.Hook == mutator.HookHTTPListener {
		return nil
	}
	return []mutator.PolicyOutcome{{Policy: &policy.Object{Name: "p"}, Reason: mutator.Programmed}}
}

// nested returns a message with one field.
func nested(num protowire.Number, value []byte) []byte {
	return (&wire.Message{Fields: []wire.Field{{Number: num, Value: value}}}).Append(nil)
}

// ownedBy returns the metadata that Envoy Gateway sets for an object in namespace default.
func ownedBy(t *testing.T, kind, name string) *corev3.Metadata {
	t.Helper()
	md, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": kind, "namespace": "default", "name": name}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": md}}
}

// ofGateway returns a route configuration of Gateway default/eg.
func ofGateway(t *testing.T) *routev3.RouteConfiguration {
	t.Helper()
	rc := routes()
	rc.VirtualHosts[0].Metadata = ownedBy(t, "Gateway", "eg")
	return rc
}

func TestOutcomesArePublished(t *testing.T) {
	to, seen := &published{}, &counts{}
	no := func(*mutator.Input, mutator.View) bool { return false }
	conn := servePublishing(t, []mutator.Feature{{
		Name: "f", Hooks: []mutator.Hook{mutator.HookRoute, mutator.HookHTTPListener, mutator.HookTranslation}, NeedsRoutes: true,
		Routes: mutator.Func[*routev3.Route]{When: no}, Listeners: mutator.Func[*listenerv3.Listener]{When: no}, Reporter: reports{},
	}}, seen, to)
	route, listener, translation := &wire.Message{}, &wire.Message{}, &wire.Message{}
	route.Add(1, encode(t, &routev3.Route{Name: "r"}))
	route.Add(2, nested(1, nested(1, []byte(`{"apiVersion":"example.com/v1","kind":"P","metadata":{"name":"p"}}`))))
	listener.Add(1, encode(t, &listenerv3.Listener{Name: "l"}))
	translation.Add(5, encode(t, ofGateway(t)))
	for _, call := range []struct {
		method string
		req    *wire.Message
	}{{"PostRouteModify", route}, {"PostHTTPListenerModify", listener}, {"PostTranslateModify", translation}} {
		_, err := invoke(t, conn, call.method, call.req)
		require.NoError(t, err)
	}
	require.Equal(t, []string{": p Programmed", "default/eg: p Programmed"}, to.got)
	require.Equal(t, []string{" 1", "default/eg 1"}, seen.policies)
}

// TestLastPolicyGoes: the observer is told when a Gateway has no policies any more, but not about
// Gateways that never had any.
func TestLastPolicyGoes(t *testing.T) {
	to, seen, reporter := &published{}, &counts{}, &some{}
	conn := servePublishing(t, []mutator.Feature{{
		Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, Reporter: reporter,
		Listeners: mutator.Func[*listenerv3.Listener]{When: func(*mutator.Input, mutator.View) bool { return false }},
	}}, seen, to)
	translation := &wire.Message{}
	translation.Add(5, encode(t, ofGateway(t)))
	for _, n := range []int{0, 1, 0} {
		reporter.n = n
		_, err := invoke(t, conn, "PostTranslateModify", translation)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"default/eg 1", "default/eg 0"}, seen.policies)
	require.Equal(t, []string{"default/eg: p Programmed"}, to.got)
}

// some reports n policies.
type some struct{ n int }

func (s *some) Report(*mutator.Input) []mutator.PolicyOutcome {
	return slices.Repeat([]mutator.PolicyOutcome{{Policy: &policy.Object{Name: "p"}, Reason: mutator.Programmed}}, s.n)
}
