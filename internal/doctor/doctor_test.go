package doctor_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/wiring"
	"github.com/egraft/egraft/pkg/mutator"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func needs() wiring.Needs {
	return wiring.Needs{
		Policies: []wiring.Kind{{Group: "egraft.io", Version: "v1", Kind: "P"}},
		Filters:  []wiring.Kind{{Group: "egraft.io", Version: "v1", Kind: "F"}},
		Backends: []wiring.Kind{{Group: "egraft.io", Version: "v1", Kind: "B"}},
		Hooks:    []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		Includes: []wiring.Include{{Kind: "cluster", All: true}, {Kind: "listener", All: false}, {Kind: "route", All: true}, {Kind: "secret", All: false}},
	}
}

const managerYAML = `
  policyResources: [{group: egraft.io, version: v1, kind: P}]
  resources: [{group: egraft.io, version: v1, kind: F}]
  backendResources: [{group: egraft.io, version: v1, kind: B}]
  hooks: {xdsTranslator: {post: [Route, Translation], translation: {route: {includeAll: true}, secret: {includeAll: false}}}}
  service: {unix: {path: /run/s}}
  maxMessageSize: 1Mi
`

func config(t *testing.T, text string) *wiring.Config {
	t.Helper()
	c, err := wiring.Parse([]byte("kind: EnvoyGateway\n" + text))
	require.NoError(t, err)
	return c
}

// configuration parses a configuration, with replacements in egraft's manager.
func configuration(t *testing.T, text string, replace ...string) doctor.Fact[doctor.Configuration] {
	t.Helper()
	manager := strings.NewReplacer(replace...).Replace(managerYAML)
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, managerYAML, replace[i])
	}
	return doctor.Known(doctor.Configuration{Where: "eg.yaml", Version: "v1.9.7", Config: config(t, strings.ReplaceAll(text, "EGRAFT", manager))})
}

const alone = "extensionManager: EGRAFT"

// list returns extension managers with others before and after egraft's.
func list(before, after string) string {
	return "extensionManagers:\n" + before + "- name: egraftEGRAFT" + after
}

func egraft(name string) doctor.Egraft {
	return doctor.Egraft{
		Name: name, Version: "v1", EnvoyGateway: "v1.9.1", Started: now.Add(-time.Hour), Features: []string{"a"}, Needs: needs(),
		Network: "unix", Address: "/run/s", MaxMessageBytes: 1 << 20,
		Schemas: map[string]string{"ps.egraft.io/v1": "1", "fs.egraft.io/v1": "2", "others.egraft.io/v1": "3"},
		Calls: []doctor.Calls{
			{Hook: "Route", LastCode: "OK"},
			{Hook: "Translation", OK: 2, Last: now.Add(-time.Minute), LastCode: "OK", LargestBytes: 1000},
		},
	}
}

// well returns facts without any problem.
func well(t *testing.T) *doctor.Facts {
	t.Helper()
	c := configuration(t, alone)
	return &doctor.Facts{
		Now: now, Needs: needs(), Socket: "/run/s", Written: c, Running: c, Egrafts: doctor.Known([]doctor.Egraft{egraft("one"), egraft("two")}),
		Envoys: doctor.Known([]doctor.Envoy{pod("a", context(true, "spiffe://td/envoy", "spiffe://td"))}), Patches: doctor.Known([]doctor.Patch{{Policy: "n/p", Name: "listener", Path: "/filter_chains"}}),
		CRDs:        doctor.Known(doctor.CRDs{Schemas: map[string]string{"ps.egraft.io/v1": "1", "fs.egraft.io/v1": "2"}}),
		Permissions: doctor.Known([]doctor.Permission{allowed(doctor.OfEnvoyGateway, "list"), allowed(doctor.OfEnvoyGateway, "watch"), allowed(doctor.OfEgraft, "create")}),
	}
}

// bad returns the checks that are not ok or skipped, with their first problem.
func bad(f *doctor.Facts) []string {
	out := []string{}
	for _, r := range doctor.Run(f) {
		if r.Status == doctor.Failed || r.Status == doctor.Warning {
			out = append(out, fmt.Sprintf("%s %s: %s", r.Status, r.Name, r.Problems[0].Message))
		}
	}
	return out
}

func TestAllIsWell(t *testing.T) {
	f := well(t)
	require.Empty(t, bad(f))
	require.NotZero(t, doctor.Count(doctor.Run(f), doctor.OK))
}

// TestNothingIsKnown: checks without facts find no problems.
func TestNothingIsKnown(t *testing.T) {
	f := &doctor.Facts{Now: now, Written: doctor.Unknown[doctor.Configuration]("no file"), Egrafts: doctor.Unknown[[]doctor.Egraft]("no answer")}
	require.Equal(t, []string{"failed EgraftUnreachable: no answer", "failed NoConfiguration: no file"}, bad(f))
	for _, r := range doctor.Run(f) {
		require.NotEqual(t, doctor.OK, r.Status, r.Title)
	}
}

// state is a modification of the facts of well.
type state struct {
	name   string
	change func(t *testing.T, f *doctor.Facts)
	want   []string
}

func (s state) run(t *testing.T) {
	t.Run(s.name, func(t *testing.T) {
		f := well(t)
		s.change(t, f)
		if s.want == nil {
			s.want = []string{}
		}
		require.Equal(t, s.want, bad(f))
	})
}

// written returns a state in which a configuration is both written and running.
func written(name, text string, replace []string, want ...string) state {
	return state{name, func(t *testing.T, f *doctor.Facts) {
		f.Written = configuration(t, text, replace...)
		f.Running = f.Written
	}, want}
}

func TestSettings(t *testing.T) {
	for _, s := range []state{
		written("no manager", "gateway: {}", nil, "failed NotWired: eg.yaml has no extension manager"),
		written("another's manager", "extensionManager: {service: {unix: {path: /other}}}", nil,
			"failed NotWired: no extension manager in eg.yaml is for egraft: the first one connects to /other"),
		written("another socket", alone, []string{"/run/s", "/run/t"}, "failed OtherAddress: extensionManager connects to /run/t, but egraft listens on /run/s"),
		written("no hook", alone, []string{"[Route, ", "["}, "failed MissingHooks: extensionManager does not have the Route hook"),
		written("one hook more", alone, []string{"[Route, ", "[Cluster, Route, "}),
		written("no policy", alone, []string{"policyResources", "policyResource"}, "failed MissingKinds: extensionManager.policyResources does not have P.v1.egraft.io"),
		written("another version", alone, []string{"version: v1, kind: F", "version: v2, kind: F"}, "failed MissingKinds: extensionManager.resources does not have F.v1.egraft.io"),
		written("in the wrong list", alone, []string{"backendResources", "x"}, "failed MissingKinds: extensionManager.backendResources does not have B.v1.egraft.io"),
		written("no routes", alone, []string{"route: {includeAll: true}", "route: {}"}, "failed NotIncluded: extensionManager does not include routes in the Translation hook"),
		written("secrets", alone, []string{"secret: {includeAll: false}", "secret: {}"},
			"warning NotIncluded: extensionManager includes secrets, but no enabled feature needs them: Envoy Gateway sends private keys of listeners to egraft unnecessarily"),
		written("listeners", alone, []string{"route: {", "listener: {includeAll: true}, route: {"}),
		written("failOpen", alone, []string{"maxMessageSize", "failOpen: true\n  maxMessageSize"}, "failed FailOpen: extensionManager has failOpen: true"),
		written("failOpen of false", alone, []string{"maxMessageSize", "failOpen: false\n  maxMessageSize"}),
		written("a lower limit", alone, []string{"1Mi", "500Ki"}, "warning MessageLimit: maxMessageSize of extensionManager is 500Ki, less than --max-message-size 1Mi of egraft"),
		written("a higher limit", alone, []string{"1Mi", "5Mi"}),
		written("the default limit", alone, []string{"maxMessageSize: 1Mi", ""}),
		written("a flag", alone+"runtimeFlags: {enabled: [XDSNameSchemeV2, New]}", nil, "warning UntestedFlag: runtimeFlags has New, with which egraft is not tested"),
		written("tested flags", alone+"runtimeFlags: {enabled: [XDSNameSchemeV2], disabled: [EndpointSliceIndex]}", nil),
		written("another one after", list("", "- name: other\n"), nil, `warning NotLast: "other" comes after egraft in extensionManagers`),
		written("another one before", list("- name: other\n", ""), nil),
		written("another one that includes routes", list("- {name: other, hooks: {xdsTranslator: {translation: {route: {includeAll: true}}}}}\n", ""),
			[]string{"route: {includeAll: true}", "route: {}"}),
		written("several with files", list("", "")+"provider: {type: Custom, custom: {resource: {type: File}}}", nil,
			"failed ManagersWithFiles: eg.yaml has provider.custom.resource.type: File and extensionManagers"),
		written("one with files", alone+"provider: {type: Custom, custom: {resource: {type: File}}}", nil),
		written("several with Kubernetes", list("", "")+"provider: {type: Custom, custom: {resource: {type: Kubernetes}}}", nil),
		{
			"not restarted", func(t *testing.T, f *doctor.Facts) { f.Running = configuration(t, alone, "1Mi", "1500Ki") },
			[]string{"failed NotLoaded: the extension managers in eg.yaml differ from those of the running Envoy Gateway"},
		},
		{"restarted with other words", func(t *testing.T, f *doctor.Facts) {
			f.Running = configuration(t, alone, "1Mi", "1024Ki", "policyResources", "name: ''\n  failOpen: false\n  policyResources")
		}, nil},
		{
			"an old version", func(_ *testing.T, f *doctor.Facts) { f.Running.Value.Version = "v1.8.4" },
			[]string{
				"warning UnsupportedVersion: Envoy Gateway has version v1.8.4, but egraft is tested with v1.9.x",
				"warning NotInRelease: Envoy Gateway v1.8.4 does not send policies that target HTTPRoutes or GRPCRoutes",
			},
		},
		{
			"an old version, and no policies of routes", func(_ *testing.T, f *doctor.Facts) {
				f.Running.Value.Version, f.Routed = "v1.8.4", doctor.Known([]string{})
			},
			[]string{"warning UnsupportedVersion: Envoy Gateway has version v1.8.4, but egraft is tested with v1.9.x"},
		},
		{
			"an old version, and policies of routes", func(_ *testing.T, f *doctor.Facts) {
				f.Running.Value.Version, f.Routed = "v1.8.4", doctor.Known(slices.Repeat([]string{"P shop/web"}, 11))
			},
			[]string{
				"warning UnsupportedVersion: Envoy Gateway has version v1.8.4, but egraft is tested with v1.9.x",
				"failed NotInRelease: Envoy Gateway v1.8.4 does not send policies that target HTTPRoutes or GRPCRoutes, and these have no effect there: " +
					strings.Repeat("P shop/web, ", 9) + "P shop/web and 1 more",
			},
		},
		{
			"a release without a hook", func(_ *testing.T, f *doctor.Facts) {
				f.Running.Value.Version = "v1.7.0"
				each(func(e *doctor.Egraft) {
					e.Needs.Policies, e.Needs.Hooks = nil, append(e.Needs.Hooks, mutator.HookEndpoints)
				})(nil, f)
			},
			[]string{
				"warning UnsupportedVersion: Envoy Gateway has version v1.7.0, but egraft is tested with v1.9.x",
				"failed MissingHooks: extensionManager does not have the Endpoints hook",
				"failed NotInRelease: Envoy Gateway v1.7.0 does not have the Endpoints hook",
			},
		},
		{"a version without v", func(_ *testing.T, f *doctor.Facts) { f.Running.Value.Version = "1.9.0-rc.1" }, nil},
	} {
		s.run(t)
	}
}

// each modifies all replicas.
func each(change func(*doctor.Egraft)) func(*testing.T, *doctor.Facts) {
	return func(_ *testing.T, f *doctor.Facts) {
		for i := range f.Egrafts.Value {
			change(&f.Egrafts.Value[i])
		}
		f.Egrafts.Value = f.Egrafts.Value[:1]
	}
}

func TestEgraft(t *testing.T) {
	for _, s := range []state{
		{"ill", each(func(e *doctor.Egraft) { e.Unhealthy = "mutator hangs" }), []string{"failed Unhealthy: one: mutator hangs"}},
		{"not called", each(func(e *doctor.Egraft) { e.Calls = nil }), []string{"failed NotCalled: one: no call of the Translation hook since its start 1h0m0s ago"}},
		{
			"just started", each(func(e *doctor.Egraft) { e.Calls, e.Started = nil, now.Add(-time.Second) }),
			[]string{"warning NotCalled: one: no call of the Translation hook since its start 1s ago"},
		},
		{"a hook is not needed", func(t *testing.T, f *doctor.Facts) {
			each(func(e *doctor.Egraft) {
				e.Calls, e.Needs.Hooks, e.Needs.Includes = nil, []mutator.Hook{mutator.HookRoute}, nil
			})(t, f)
		}, nil},
		{
			"the last call failed", each(func(e *doctor.Egraft) { e.Calls[1].LastCode, e.Calls[1].Failed = "Internal", 1 }),
			[]string{"failed CallsFail: one: the last call of the hook Translation, 1m0s ago, ended with Internal"},
		},
		{"one before the last failed", each(func(e *doctor.Egraft) { e.Calls[1].Failed = 1 }), nil},
		{
			"too large", each(func(e *doctor.Egraft) { e.Calls[1].TooLarge = 3 }),
			[]string{"failed MessageLimit: one: 3 calls had a message larger than a limit (egraft 1Mi, Envoy Gateway 1Mi)"},
		},
		{
			"nearly too large", each(func(e *doctor.Egraft) { e.Calls[1].LargestBytes = 900 << 10 }),
			[]string{"warning MessageLimit: one: the largest message so far has 900Ki, which is close to the limit of 1Mi"},
		},
		{"large", each(func(e *doctor.Egraft) { e.Calls[1].LargestBytes = 800 << 10 }), nil},
		{"larger than a new limit", func(t *testing.T, f *doctor.Facts) {
			each(func(e *doctor.Egraft) { e.Calls[1].LargestBytes = 900 << 10 })(t, f)
			f.Written = configuration(t, alone, "1Mi", "500Ki")
			f.Running = f.Written
		}, []string{"failed MessageLimit: one: the largest message so far has 900Ki, but the limit is 500Ki"}},
		{
			"on TCP", each(func(e *doctor.Egraft) { e.Network, e.Address = "tcp", ":9443" }),
			[]string{"failed OtherAddress: extensionManager connects to /run/s, but egraft listens on :9443"},
		},
		{"on TCP by a Service", func(t *testing.T, f *doctor.Facts) {
			each(func(e *doctor.Egraft) { e.Network, e.Address = "tcp", ":9443" })(t, f)
			f.Written = configuration(t, alone, "unix: {path: /run/s}", "fqdn: {hostname: egraft, port: 443}")
			f.Running = f.Written
		}, nil},
		{"two versions", func(_ *testing.T, f *doctor.Facts) { f.Egrafts.Value[1].Version = "v2" }, []string{"warning ReplicasDiffer: one is v1, and two is v2"}},
		{
			"two sets of features", func(_ *testing.T, f *doctor.Facts) { f.Egrafts.Value[1].Features = []string{"b"} },
			[]string{"warning ReplicasDiffer: one has the features [a], and two has [b]"},
		},
	} {
		s.run(t)
	}
}

// TestNeedsOfTheRunningEgraft: the needs of a running egraft take precedence over those of the
// doctor's own settings.
func TestNeedsOfTheRunningEgraft(t *testing.T) {
	f := well(t)
	f.Needs = wiring.Needs{Hooks: []mutator.Hook{mutator.HookEndpoints}}
	require.Empty(t, bad(f))
	f.Egrafts = doctor.Unknown[[]doctor.Egraft]("no answer")
	require.Equal(t, []string{"failed EgraftUnreachable: no answer", "failed MissingHooks: extensionManager does not have the Endpoints hook"}, bad(f))
}

func TestSelf(t *testing.T) {
	e := egraft("egraft")
	for _, r := range doctor.Self(&e, now) {
		require.Equal(t, doctor.OK, r.Status, r.Title)
	}
	e.Calls[1].LargestBytes = 900 << 10
	results := doctor.Self(&e, now)
	require.InDelta(t, 1, results[len(results)-1].Status.Number(), 0)
	e.Calls[1].TooLarge = 1
	results = doctor.Self(&e, now)
	require.InDelta(t, 2, results[len(results)-1].Status.Number(), 0)
	require.Equal(t, "egraft: 1 calls had a message larger than --max-message-size 1Mi", results[len(results)-1].Problems[0].Message)
}

// TestEveryCodeIsChecked: each documented code of a check is returned by some state.
func TestEveryCodeIsChecked(t *testing.T) {
	checked := map[string]bool{}
	for _, c := range doctor.Checks() {
		require.False(t, checked[c.Code.ID], "two checks with the code %s", c.Code.ID)
		checked[c.Code.ID] = true
	}
	for _, c := range finding.All() {
		if strings.Contains("567", c.ID[3:4]) {
			require.True(t, checked[c.ID], c.ID)
		}
	}
}

func TestSkip(t *testing.T) {
	all, some := doctor.Run(well(t)), doctor.Run(well(t), finding.FailOpen.ID, finding.NotLast.ID)
	require.Len(t, some, len(all)-2)
}

// TestHostileWords: texts from others are printed without terminal escapes.
func TestHostileWords(t *testing.T) {
	f := well(t)
	f.Egrafts.Value[0].Unhealthy = "\x1b]0;owned\a\nfake line \u202e" + strings.Repeat("x", 100_000)
	report := doctor.NewReport(doctor.Run(f))
	var text strings.Builder
	require.NoError(t, report.WriteText(&text, plain, false))
	document, err := json.Marshal(report)
	require.NoError(t, err)
	for _, out := range []string{text.String(), string(document)} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\u202e")
		require.NotContains(t, out, "\nfake")
		require.Less(t, len(out), 20_000)
	}
}
