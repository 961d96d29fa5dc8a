package explain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// translation is a translation of Gateway default/eg with a route of the listener http. %s stands for policies.
const translation = `{hook: Translation, objects: [%s], resources: {
  Cluster: [{name: c, type: EDS, edsClusterConfig: {edsConfig: {ads: {}}}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, name: shop, namespace: default}]}}}}],
  Listener: [{name: l, filterChains: [{name: f, transportSocket: {name: tls, typedConfig: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
    commonTlsContext: {tlsCertificateSdsSecretConfigs: [{name: cert, sdsConfig: {ads: {}}}]}}}}]}],
  Secret: [{name: cert, genericSecret: {secret: {inlineString: SECRET}}}],
  RouteConfiguration: [{name: default/eg/http, virtualHosts: [{name: default/eg/http/x, domains: [x],
    metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, name: eg, namespace: default, sectionName: http}]}}},
    routes: [{name: r, match: {prefix: /}, route: {cluster: c}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, name: shop, namespace: default, sectionName: cart}]}}}}]}]}]}}`

// mtls returns a BackendMTLSPolicy with a target.
func mtls(name, target string) string {
	return mtlsWith(name, target, "peers: [{exact: spiffe://a/b}]")
}

func mtlsWith(name, target, spec string) string {
	return fmt.Sprintf(`{apiVersion: egraft.io/v1alpha1, kind: BackendMTLSPolicy, metadata: {name: %s, namespace: default},
  spec: {%s, trustDomain: a, workloadIdentifier: /e, %s, agent: {socketPath: /run/s}}}`, name, target, spec)
}

func ref(kind, name, section string) string {
	if section != "" {
		section = ", sectionName: " + section
	}
	return fmt.Sprintf("targetRefs: [{group: gateway.networking.k8s.io, kind: %s, name: %s%s}]", kind, name, section)
}

// recorded parses calls in the form of package callfile into a recording.
func recorded(t testing.TB, calls ...string) *recording.Recording {
	t.Helper()
	r := &recording.Recording{}
	for i, text := range calls {
		steps, err := callfile.Parse([]byte(text))
		require.NoError(t, err, text)
		for _, s := range steps {
			r.Calls = append(r.Calls, &recording.Call{Meta: callfile.Metadata{ID: fmt.Sprint(i)}, Call: s.Call})
		}
	}
	return r
}

func object(t testing.TB, text string) []byte {
	t.Helper()
	objects, err := explain.ParseObjects([]byte(text))
	require.NoError(t, err)
	require.Len(t, objects, 1)
	return objects[0]
}

// codes returns the codes in a report.
func codes(r *explain.Report) (all []string) {
	add := func(code string) {
		if !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	for _, f := range r.Findings {
		add(f.Code)
	}
	changes := func(c *explain.Changes) {
		if c != nil {
			for _, one := range c.Resources {
				add(one.Code)
				if one.Cause != "" {
					add(one.Cause)
				}
			}
		}
	}
	for _, p := range r.Policies {
		for _, s := range p.Stages {
			for _, f := range s.Findings {
				add(f.Code)
			}
			if s.Number == explain.StageSent && s.State == explain.OK {
				add(finding.Sent.ID)
			}
		}
		for _, o := range p.Outcomes {
			add(o.Code)
		}
		changes(p.Changes)
	}
	changes(r.Changes)
	return all
}

// broken returns features that fail in each possible way.
func broken() []mutator.Feature {
	fail := func(name string, onFailure mutator.FailurePolicy, edit func(context.Context) error) mutator.Feature {
		return mutator.Feature{
			Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: onFailure,
			Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(ctx context.Context, _ *mutator.Input, _ *clusterv3.Cluster) error { return edit(ctx) }},
		}
	}
	return []mutator.Feature{
		fail("denies", mutator.Deny, func(context.Context) error { return errors.New("no") }),
		fail("ignores", mutator.Ignore, func(context.Context) error { return errors.New("no") }),
		fail("panics", mutator.Ignore, func(context.Context) error { panic("oh") }),
		fail("hangs", mutator.Ignore, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }),
		fail("fails", mutator.Fail, func(context.Context) error { return errors.New("no") }),
		{
			Name: "adds", Hooks: []mutator.Hook{mutator.HookTranslation},
			Additions: additions{Clusters: []*clusterv3.Cluster{{Name: "c", AltStatName: "other"}, {Name: "new", LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: "new"}}}},
		},
		{
			Name: "prunes", Hooks: []mutator.Hook{mutator.HookTranslation}, PrunesSecrets: true,
			Listeners: mutator.Func[*listenerv3.Listener]{Do: func(_ context.Context, _ *mutator.Input, l *listenerv3.Listener) error {
				l.FilterChains = nil
				return nil
			}},
		},
	}
}

// TestCodes: each code of the stages sent and applied occurs for some input.
func TestCodes(t *testing.T) {
	subject := func(args ...string) explain.Query {
		x := explainer(t)
		s, err := explain.ParseSubject(args, explain.Kinds(x.Features))
		require.NoError(t, err)
		return explain.Query{Subject: s}
	}
	file := func(text string) explain.Query { return explain.Query{Objects: [][]byte{object(t, text)}} }
	with := func(policies ...string) *recording.Recording {
		return recorded(t, fmt.Sprintf(translation, strings.Join(policies, ", ")))
	}
	filter := "{apiVersion: egraft.io/v1alpha1, kind: HedgeFilter, metadata: {name: h, namespace: default}, spec: {}}"
	for _, test := range []struct {
		name    string
		r       *recording.Recording
		q       explain.Query
		want    []string
		message string
	}{
		{"sent", with(mtls("p", ref("Gateway", "eg", ""))), subject("backendmtlspolicy/default/p"), []string{"EGR200", "EGR300", "EGR320", "EGR328"}, ""},
		{"never called", &recording.Recording{}, subject("backendmtlspolicy/default/p"), []string{"EGR201"}, "egraft has received no call from Envoy Gateway"},
		{"gateway not called", with(), subject("gateway/default/egg"), []string{"EGR202"}, "no call contains Gateway default/egg; did you mean Gateway default/eg? (in calls: eg)"},
		{"not sent", with(), subject("backendmtlspolicy/default/p"), []string{"EGR203"}, "no call of Envoy Gateway contains BackendMTLSPolicy default/p; no call contains any BackendMTLSPolicy"},
		{"similar policy", with(mtls("prod", ref("Gateway", "eg", ""))), subject("backendmtlspolicy/default/prd"), []string{"EGR203"}, "no call of Envoy Gateway contains BackendMTLSPolicy default/prd; did you mean BackendMTLSPolicy default/prod? (in calls: default/prod)"},
		{"not sent with right targets", with(), file(mtls("p", ref("Gateway", "eg", "http"))), []string{"EGR203"}, "no call of Envoy Gateway contains BackendMTLSPolicy default/p"},
		{"not sent with a route", with(), file(mtls("p", ref("HTTPRoute", "shop", ""))), []string{"EGR203"}, "no call of Envoy Gateway contains BackendMTLSPolicy default/p; Envoy Gateway before 1.9 does not send policies that target routes"},
		{"unknown Gateway", with(), file(mtls("p", ref("Gateway", "egg", ""))), []string{"EGR204"}, "no call of Envoy Gateway contains Gateway default/egg; did you mean Gateway default/eg? (in calls: eg)"},
		{"unknown route", with(), file(mtls("p", ref("HTTPRoute", "shpo", ""))), []string{"EGR204"}, "no call of Envoy Gateway contains HTTPRoute default/shpo; did you mean HTTPRoute default/shop? (in calls: shop)"},
		{"unknown Gateway of a policy that was sent", with(mtls("p", ref("Gateway", "nowhere", ""))), subject("backendmtlspolicy"), []string{"EGR204", "EGR304"}, "no call of Envoy Gateway contains Gateway default/nowhere (in calls: eg)"},
		{"unknown listener", with(mtls("p", ref("Gateway", "eg", "htp"))), subject("backendmtlspolicy"), []string{"EGR205", "EGR304"}, "Gateway default/eg has no listener htp; did you mean http? (in calls: http)"},
		{"unknown rule", with(), file(mtls("p", ref("HTTPRoute", "shop", "crt"))), []string{"EGR205"}, "HTTPRoute default/shop has no rule crt; did you mean cart? (in calls: cart)"},
		{"unsupported kind", with(), file(mtls("p", ref("GatewayClass", "eg", ""))), []string{"EGR206"}, "GatewayClass eg is a target, and Envoy Gateway 1.9 and earlier send no policies of a GatewayClass"},
		{"unsupported group", with(), file(mtls("p", `targetRef: {group: "", kind: Service, name: eg}`)), []string{"EGR206"}, "Service eg is a target of kind Service of group \"\"; targets are of group gateway.networking.k8s.io and kind Gateway, HTTPRoute or GRPCRoute"},
		{
			"other namespace", with(), file(strings.Replace(mtls("p", ref("Gateway", "eg", "")), "namespace: default", "namespace: shop", 1)),
			[]string{"EGR207"},
			"no call contains Gateway shop/eg, but there is Gateway default/eg: a policy must be in the namespace of its target",
		},
		{"selects nothing", with(), file(mtls("p", "targetSelectors: [{kind: Gateway, matchLabels: {a: b}}]")), []string{"EGR208"}, "its targetSelectors select no Gateway of any call"},
		{
			"without routes", recorded(t, "{hook: Translation, resources: {Cluster: [{name: c}]}}"), file(mtls("p", ref("HTTPRoute", "shop", ""))),
			[]string{"EGR209"},
			"the Translation hook does not include routes, so egraft cannot tell whether HTTPRoute default/shop exists",
		},
		{"filter", with(), file(filter), []string{"EGR210"}, "no call of Envoy Gateway contains HedgeFilter default/h, so no route that it accepts refers to it"},
		{"unknown cluster", with(), subject("cluster", "cc"), []string{"EGR211"}, "no call contains cluster cc; did you mean c? (in calls: c)"},
		{"unknown subject", with(), subject("httproute/default/shopp"), []string{"EGR211"}, "no call contains HTTPRoute default/shopp; did you mean HTTPRoute default/shop? (in calls: shop)"},
		{"invalid", with(mtlsWith("p", ref("Gateway", "eg", ""), "allowAnyInTrustDomain: false")), subject("backendmtlspolicy"), []string{"EGR200", "EGR301", "EGR322"}, "spec.peers: Required value: name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain; requests to its targets are rejected"},
		{"conflicted", with(mtls("a", ref("Gateway", "eg", "")), mtls("b", ref("Gateway", "eg", ""))), subject("backendmtlspolicy/default/b"), []string{"EGR200", "EGR302"}, "BackendMTLSPolicy default/a is as old and comes first by name and has the same target"},
		{"overridden", with(mtls("a", ref("Gateway", "eg", "")), mtls("b", ref("Gateway", "eg", "http"))), subject("backendmtlspolicy/default/a"), []string{"EGR200", "EGR303"}, "BackendMTLSPolicy default/b has a more specific target and overrides this policy everywhere"},
		{
			"pending", recorded(t, fmt.Sprintf("{hook: Route, objects: [%s], resources: {Route: [{name: r, match: {prefix: /}, route: {cluster: c}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, name: shop, namespace: default}]}}}}]}}", mtls("p", ref("HTTPRoute", "shop", "")))),
			subject("backendmtlspolicy"),
			[]string{"EGR200", "EGR306"},
			"no translation has followed the call that contains BackendMTLSPolicy default/p",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, err := explainer(t).Explain(t.Context(), test.r, test.q)
			require.NoError(t, err)
			have := codes(report)
			slices.Sort(have)
			require.Equal(t, test.want, have)
			text, err := json.Marshal(report)
			require.NoError(t, err)
			message, err := json.Marshal(test.message)
			require.NoError(t, err)
			require.Contains(t, string(text), strings.Trim(string(message), `"`))
			require.Equal(t, test.message == "", report.InEffect())
		})
	}
}

// TestFailures: the results of failed mutators have codes.
func TestFailures(t *testing.T) {
	for i, want := range [][]string{
		{finding.Denied.ID},
		{finding.Ignored.ID},
		{finding.Ignored.ID, finding.Panicked.ID},
		{finding.Ignored.ID, finding.TimedOut.ID},
		{finding.CallFailed.ID},
		{finding.Added.ID, finding.NameConflict.ID},
		{finding.Pruned.ID},
	} {
		features := broken()[i : i+1]
		t.Run(features[0].Name, func(t *testing.T) {
			e, err := engine.New(features, engine.WithMutatorTimeout(20*time.Millisecond))
			require.NoError(t, err)
			x := &explain.Explainer{Engine: e, Features: features}
			r, q := recorded(t, fmt.Sprintf(translation, "")), explain.Query{Subject: explain.Subject{Kind: "Gateway"}}
			report, err := x.Explain(t.Context(), r, q)
			require.NoError(t, err)
			require.Subset(t, codes(report), want)
			if strings.Contains(strings.Join(want, ","), finding.Panicked.ID) {
				report, err = x.Explain(t.Context(), r, q)
				require.NoError(t, err)
				require.Subset(t, codes(report), []string{finding.Ignored.ID, finding.Quarantined.ID})
			}
		})
	}
}

// TestEveryResult: each reason of an outcome and each result of a mutator has a code.
func TestEveryResult(t *testing.T) {
	results := engine.ResultsOf(&mutator.Feature{PrunesSecrets: true, Additions: additions{}}, mutator.HookTranslation)
	for _, reason := range append(results, string(mutator.Programmed), string(mutator.Conflicted), string(mutator.Invalid), string(mutator.TargetNotFound), string(mutator.MatchedNothing), string(mutator.ApplyFailed), string(mutator.Overridden)) {
		_, ok := finding.OfReason(reason)
		require.True(t, ok, reason)
	}
	require.Len(t, results, 11)
}

type additions mutator.Additions

func (a additions) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions(a), nil
}

// TestShadow: a Shadow is not in effect, which is not a failure, and its changes are reported as
// what it would do.
func TestShadow(t *testing.T) {
	explained := func(policies ...string) (*explain.Report, string) {
		r := recorded(t, fmt.Sprintf(translation, strings.Join(policies, ", ")))
		report, err := explainer(t).Explain(t.Context(), r, explain.Query{Wanted: true})
		require.NoError(t, err)
		return report, text(t, r, explain.Query{})
	}
	report, printed := explained(mtlsWith("p", ref("Gateway", "eg", ""), "effect: Shadow, peers: [{exact: spiffe://a/b}]"))
	p := report.Policies[0]
	require.True(t, report.InEffect())
	require.False(t, p.InEffect)
	require.True(t, p.Shadow)
	require.Contains(t, codes(report), finding.Shadow.ID)
	require.Equal(t, "Programmed", p.Outcomes[0].Enforced)
	require.NotEmpty(t, p.Changes.Resources)
	for _, c := range p.Changes.Resources {
		require.True(t, c.Shadow)
	}
	require.Empty(t, p.Wanted)
	require.Contains(t, printed, "BackendMTLSPolicy default/p has the effect Shadow and changes nothing")
	require.Contains(t, printed, "would have changed 1 Cluster by backend-mtls")

	report, _ = explained(mtlsWith("p", ref("Gateway", "egg", ""), "effect: Shadow, peers: [{exact: spiffe://a/b}]"))
	require.Contains(t, codes(report), finding.UnknownTarget.ID)
	require.False(t, report.InEffect())
	report, _ = explained(mtlsWith("p", ref("Gateway", "eg", ""), "effect: Shadow, allowAnyInTrustDomain: false"))
	require.Equal(t, explain.StageApplied, report.Policies[0].StoppedAt)
}
