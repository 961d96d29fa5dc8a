package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

const limitsByDefault = "maxInitialFetchTimeout: 10s\nmaxPeers: 64\nmaxAgentSocketsPerNamespace: 4\nmaxSDSSecretsPerNamespace: 128\nmaxFiltersPerNamespace: 16\n"

func TestConfigCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "egraft.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
apiVersion: config.egraft.io/v1alpha1
kind: EgraftConfiguration
namespaceRules:
- namespaces: [infra, team-*]
- namespaces: [guests]
  kinds: [None]
- namespaces: ["*"]
  kinds: [BackendMTLSPolicy, Hello.test.egraft.io]
  trustDomains: [example.org]
  workloadIdentifiers: ["/ns/{namespace}/*", /shared]
maxPeers: 8
`), 0o600))
	rules := "namespaceRules[0]: namespaces=infra,team-*\nnamespaceRules[1]: namespaces=guests;kinds=None\n" +
		"namespaceRules[2]: namespaces=*;kinds=BackendMTLSPolicy,Hello.test.egraft.io;trustDomains=example.org;workloadIdentifiers=/ns/{namespace}/*,/shared\n"
	limits := strings.Replace(limitsByDefault, "64", "8", 1)
	unrestricted := func(namespace, rule string) string {
		return "namespace: " + namespace + "\nrule: " + rule + "\nkinds: any\ntrustDomains: any\nworkloadIdentifiers: any\nagentSockets: any\nfilters: confined ones\n"
	}
	for _, test := range []struct {
		name, args string
		env        []string
		want       result
	}{
		{"defaults", "", nil, result{0, "settings are valid\nnamespaceRules: none, every namespace may use everything except filters and patches that require a grant\n" + limitsByDefault, ""}},
		{"a namespace by default", "--namespace shop", nil, result{0, unrestricted("shop", "none, every namespace may use everything except filters and patches that require a grant") + limitsByDefault, ""}},
		{"file", "--config " + file, nil, result{0, "settings are valid\n" + rules + limits, ""}},
		{"exception", "--namespace team-a", []string{"EGRAFT_CONFIG=" + file}, result{0, unrestricted("team-a", "namespaceRules[0]") + limits, ""}},
		{"no kind", "--namespace guests --config " + file, nil, result{0, strings.Replace(unrestricted("guests", "namespaceRules[1]"), "any", "None", 1) + limits, ""}},
		{"name filled in", "--namespace shop --config " + file, nil, result{
			0, "namespace: shop\nrule: namespaceRules[2]\nkinds: BackendMTLSPolicy, Hello.test.egraft.io\ntrustDomains: example.org\n" +
				"workloadIdentifiers: /ns/shop/*, /shared\nagentSockets: any\nfilters: confined ones\n" + limits, "",
		}},
		{"flags instead of the file", "--namespace shop --namespace-rules namespaces=* --config " + file, nil, result{0, unrestricted("shop", "namespaceRules[0]") + limits, ""}},
		{"no namespace", "--namespace shop/a", nil, result{2, "", "egraft: --namespace \"shop/a\" is not the name of a namespace\nSee `egraft config check --help`.\n"}},
		{"argument", "shop", nil, result{2, "", "egraft: egraft config check takes no arguments, but got \"shop\"\nSee `egraft config check --help`.\n"}},
		{
			"every error at once, of kinds as well", "--call-timeout 1 --namespace-rules namespaces=*;kinds=BufferPolicies,HedgeFilter",
			[]string{"EGRAFT_MAX_PEERS=0"},
			result{2, "", "egraft: 3 settings are invalid:\n" +
				"  --call-timeout: Invalid value: \"1\": must be a duration with its unit, like \"1s\" or \"1m30s\"\n" +
				"  EGRAFT_MAX_PEERS: Invalid value: 0: must be from 1 to 64\n" +
				"  --namespace-rules[0].kinds[0]: Unsupported value: \"BufferPolicies\": supported values: " +
				"\"HedgeFilter\", \"BackendMTLSPolicy\", \"BufferPolicy\", \"FilterPolicy\", \"HTTPFilter\", \"FrontendMTLSPolicy\", \"OriginalDestinationBackend\", \"XDSPatchPolicy\", \"Hello.test.egraft.io\", \"None\"\n" +
				"See `egraft config check --help`.\n"},
		},
		{"kind of a mutator that is off", "--disable-features buffer --namespace shop --namespace-rules namespaces=*;kinds=BufferPolicy", nil, result{
			0, strings.Replace(unrestricted("shop", "namespaceRules[0]"), "any", "BufferPolicy", 1) + limitsByDefault, "",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, egraft(t.Context(), test.env, append([]string{"config", "check"}, strings.Fields(test.args)...)...))
		})
	}
}

// TestRulesReachMutators: the features that serve runs have the operator's rules and limits, custom
// mutators included.
func TestRulesReachMutators(t *testing.T) {
	p := &program{environ: []string{"EGRAFT_NAMESPACE_RULES=namespaces=*;kinds=None", "EGRAFT_MAX_AGENT_SOCKETS_PER_NAMESPACE=3"}}
	p.features = withHello
	s, err := p.load(nil)
	require.NoError(t, err)
	require.Equal(t, 3, s.Restrictions().Limits.AgentSockets)
	hello := s.features[len(s.features)-1].Backends
	require.Len(t, hello, 1)
	set, err := policy.NewSet(hello, [][]byte{[]byte(`{"apiVersion":"test.egraft.io/v1","kind":"Hello","metadata":{"namespace":"shop","name":"a"}}`)})
	require.NoError(t, err)
	require.EqualError(t, set.Of(hello[0].GroupVersionKind)[0].Err, "kind: Forbidden: namespace shop may not use Hello.test.egraft.io: --namespace-rules permits none")
}

// TestDocumentedRules checks the page's examples as an operator would, and that the page shows what
// the command prints.
func TestDocumentedRules(t *testing.T) {
	text, err := os.ReadFile(settingsPage)
	require.NoError(t, err)
	_, page, found := strings.Cut(string(text), "## Restrict namespaces\n")
	require.True(t, found)
	examples := 0
	var printed string
	for _, block := range strings.Split(page, "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```\n")
		file := filepath.Join(t.TempDir(), "egraft.yaml")
		require.NoError(t, os.WriteFile(file, []byte("apiVersion: config.egraft.io/v1alpha1\nkind: EgraftConfiguration\n"+example), 0o600))
		got := egraft(t.Context(), nil, "config", "check", "--config", file, "--namespace", "shop")
		require.Equal(t, ExitOK, got.code, got.stderr)
		printed = got.stdout
		examples++
	}
	require.Equal(t, 2, examples)
	_, shown, _ := strings.Cut(page, "$ egraft config check --config egraft.yaml --namespace shop\n")
	shown, _, _ = strings.Cut(shown, "…")
	require.NotEmpty(t, shown)
	require.True(t, strings.HasPrefix(printed, shown), "%s", printed)
}
