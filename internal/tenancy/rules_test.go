package tenancy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/tenancy"
)

// both are the two formats of rules.
var both = map[string]func(string) (tenancy.Rules, error){
	"text": tenancy.ParseRules,
	"file": func(text string) (tenancy.Rules, error) { return tenancy.DecodeRules([]byte(asJSON(text))) },
}

// asJSON returns rules in the format of the configuration file.
func asJSON(text string) string {
	var rules []string
	for _, rule := range strings.Fields(text) {
		var lists []string
		for _, list := range strings.Split(rule, ";") {
			name, values, _ := strings.Cut(list, "=")
			quoted := "[]"
			if values != "" {
				quoted = `["` + strings.ReplaceAll(values, ",", `","`) + `"]`
			}
			lists = append(lists, `"`+name+`":`+quoted)
		}
		rules = append(rules, "{"+strings.Join(lists, ",")+"}")
	}
	return "[" + strings.Join(rules, ",") + "]"
}

func TestBothWaysAreTheSame(t *testing.T) {
	const text = "namespaces=infra,team-*;kinds=BufferPolicy namespaces=*;trustDomains=a.org;workloadIdentifiers=/ns/{namespace}/*,/x;agentSockets=/a/b;gatewayClasses=eg,shared-*"
	want := tenancy.Rules{
		{Namespaces: []string{"infra", "team-*"}, Kinds: []string{"BufferPolicy"}},
		{Namespaces: []string{"*"}, TrustDomains: []string{"a.org"}, WorkloadIdentifiers: []string{"/ns/{namespace}/*", "/x"}, AgentSockets: []string{"/a/b"}, GatewayClasses: []string{"eg", "shared-*"}},
	}
	for way, parse := range both {
		got, err := parse(text)
		require.NoError(t, err, way)
		require.Equal(t, want, got, way)
		require.Equal(t, text, got.String(), way)
	}
}

func TestRulesThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "must not be empty; omit it to permit everything",
		" \n":                         "must not be empty; omit it to permit everything",
		"shop":                        `"shop" must be name=values, as in namespaces=*;workloadIdentifiers=/ns/{namespace}/*; only spaces separate rules`,
		"namespaces=*; kinds=None":    `"" must be name=values, as in namespaces=*;workloadIdentifiers=/ns/{namespace}/*; only spaces separate rules`,
		"namespace=*":                 `"namespace" is not one of namespaces, kinds, trustDomains, workloadIdentifiers, agentSockets, filters, patches and gatewayClasses`,
		"namespaces=a;namespaces=b":   `has "namespaces" twice in one rule`,
		"a namespaces=*;Kinds=b":      `"a" must be name=values, as in namespaces=*;workloadIdentifiers=/ns/{namespace}/*; only spaces separate rules` + "\n" + `"Kinds" is not one of namespaces, kinds, trustDomains, workloadIdentifiers, agentSockets, filters, patches and gatewayClasses`,
		"namespaces=*,a;kinds=x;kind": `"kind" must be name=values, as in namespaces=*;workloadIdentifiers=/ns/{namespace}/*; only spaces separate rules`,
	} {
		_, err := tenancy.ParseRules(text)
		require.EqualError(t, err, want, text)
	}
	for text, want := range map[string]string{
		"[]":                                   "must not be empty; omit it to permit everything",
		"null":                                 "must not be empty; omit it to permit everything",
		"{}":                                   "must be a list of rules, whose fields are lists of strings",
		`["namespaces=*"]`:                     "must be a list of rules, whose fields are lists of strings",
		`[{"namespaces":"*"}]`:                 "must be a list of rules, whose fields are lists of strings",
		`[{"namespaces":["*"],"Kinds":["x"]}]`: `unknown field "[0].Kinds"`,
	} {
		_, err := tenancy.DecodeRules([]byte(text))
		require.EqualError(t, err, want, text)
	}
}

func TestRulesThatAreNotValid(t *testing.T) {
	const (
		last       = `the last rule must have namespaces "*", to say what all other namespaces may use; with kinds "None" they may use nothing`
		empty      = "must not be empty; omit it to permit everything"
		namespace  = "must be the name of a namespace, its beginning and an asterisk (team-*), or * for all"
		identifier = "must be the path of a SPIFFE ID (/ns/shop/sa/envoy), or its beginning and /* (/ns/{namespace}/*)"
		domain     = "must be the name of a trust domain, which may have {namespace} in it"
		socket     = "must be the absolute path of a socket (/run/spire/agent.sock), or of a folder and /* (/run/{namespace}/*)"
		braces     = "must not have braces except for {namespace}"
	)
	value := func(at, value, text string) string { return at + `: Invalid value: "` + value + `": ` + text }
	for _, test := range []struct {
		rules string
		want  []string
	}{
		{"namespaces=*", nil},
		{"namespaces=*;workloadIdentifiers=/*;agentSockets=/*", nil},
		{"namespaces=a,team-* namespaces=*;kinds=None", nil},
		{"namespaces=shop namespaces=sh* namespaces=*", nil},
		{"kinds=BufferPolicy", []string{"r[0].namespaces: Required value: name the namespaces, or \"*\" for all", "r[1]: Required value: " + last}},
		{"namespaces=shop", []string{"r[1]: Required value: " + last}},
		{"namespaces=;kinds=;trustDomains=;workloadIdentifiers=;agentSockets= namespaces=*", []string{
			"r[0].namespaces: Invalid value: []: " + empty, "r[0].kinds: Invalid value: []: " + empty, "r[0].trustDomains: Invalid value: []: " + empty,
			"r[0].workloadIdentifiers: Invalid value: []: " + empty, "r[0].agentSockets: Invalid value: []: " + empty,
		}},
		{"namespaces=Shop,*-a,a*b,a**,-a*,{namespace},*", []string{
			value("r[0].namespaces[0]", "Shop", namespace), value("r[0].namespaces[1]", "*-a", namespace), value("r[0].namespaces[2]", "a*b", namespace),
			value("r[0].namespaces[3]", "a**", namespace), value("r[0].namespaces[4]", "-a*", namespace), value("r[0].namespaces[5]", "{namespace}", namespace),
		}},
		{"namespaces=*;workloadIdentifiers=ns/a,/ns/a*,*,/ns/*/a,/ns/../a,/ns//a,/ns/{ns}/*,/,", []string{
			value("r[0].workloadIdentifiers[0]", "ns/a", identifier), value("r[0].workloadIdentifiers[1]", "/ns/a*", identifier),
			value("r[0].workloadIdentifiers[2]", "*", identifier), value("r[0].workloadIdentifiers[3]", "/ns/*/a", identifier),
			value("r[0].workloadIdentifiers[4]", "/ns/../a", identifier), value("r[0].workloadIdentifiers[5]", "/ns//a", identifier),
			value("r[0].workloadIdentifiers[6]", "/ns/{ns}/*", braces), value("r[0].workloadIdentifiers[7]", "/", identifier),
			value("r[0].workloadIdentifiers[8]", "", identifier),
		}},
		{"namespaces=*;trustDomains=*,spiffe://a.org,A.org,a.org/x,a.org", []string{
			value("r[0].trustDomains[0]", "*", domain), value("r[0].trustDomains[1]", "spiffe://a.org", domain),
			value("r[0].trustDomains[2]", "A.org", domain), // policies have lower-case names
		}},
		{"namespaces=*;agentSockets=run/a,/run/a*,/run/../a,/run//a,/run/a/,/run/*/a", []string{
			value("r[0].agentSockets[0]", "run/a", socket), value("r[0].agentSockets[1]", "/run/a*", socket), value("r[0].agentSockets[2]", "/run/../a", socket),
			value("r[0].agentSockets[3]", "/run//a", socket), value("r[0].agentSockets[4]", "/run/a/", socket), value("r[0].agentSockets[5]", "/run/*/a", socket),
		}},
		{"namespaces=*;kinds=None,BufferPolicy,BufferPolicy", []string{
			value("r[0].kinds[0]", "None", "must be the only one"), `r[0].kinds[2]: Duplicate value: "BufferPolicy"`,
		}},
		{"namespaces=sh*,a namespaces=shop,a namespaces=*", []string{
			value("r[1].namespaces[0]", "shop", `never reached: only the first matching rule applies, and "sh*" of r[0] matches first; move this one before it`),
			value("r[1].namespaces[1]", "a", `never reached: only the first matching rule applies, and "a" of r[0] matches first; move this one before it`),
		}},
		{"namespaces=* namespaces=shop", []string{
			value("r[1].namespaces[0]", "shop", `never reached: only the first matching rule applies, and "*" of r[0] matches first; move this one before it`),
			"r[2]: Required value: " + last,
		}},
		{"namespaces=*,*", []string{`r[0].namespaces[1]: Duplicate value: "*"`}},
	} {
		for way, parse := range both {
			t.Run(test.rules+"/"+way, func(t *testing.T) {
				r, err := parse(test.rules)
				require.NoError(t, err)
				var got []string
				for _, e := range r.Validate(field.NewPath("r")) {
					got = append(got, e.Error())
				}
				require.Equal(t, test.want, got)
			})
		}
	}
}

// TestNull has a list whose value is missing in the file.
func TestNull(t *testing.T) {
	r, err := tenancy.DecodeRules([]byte(`[{"namespaces":["*"],"trustDomains":null}]`))
	require.NoError(t, err)
	errs := r.Validate(field.NewPath("r"))
	require.Len(t, errs, 1)
	require.EqualError(t, errs[0], "r[0].trustDomains: Invalid value: []: must not be empty; omit it to permit everything")
}

func TestKindsThatDoNotExist(t *testing.T) {
	r := rules(t, "namespaces=a;kinds=None namespaces=*;kinds=BufferPolicy,Buffer")
	errs := r.ValidateKinds(field.NewPath("r"), []string{"BufferPolicy"})
	require.Len(t, errs, 1)
	require.EqualError(t, errs[0], `r[1].kinds[1]: Unsupported value: "Buffer": supported values: "BufferPolicy", "None"`)
}

func TestForNamespace(t *testing.T) {
	r := rules(t, "namespaces=infra namespaces=team-*;trustDomains={namespace}.org namespaces=*;workloadIdentifiers=/ns/{namespace}/*;agentSockets=/{namespace}/a")
	rule, at, found := r.For("team-a")
	require.True(t, found)
	require.Equal(t, 1, at)
	require.Equal(t, tenancy.Rule{Namespaces: []string{"team-a"}, TrustDomains: []string{"team-a.org"}}, rule)
	rule, at, _ = r.For("shop")
	require.Equal(t, 2, at)
	require.Equal(t, tenancy.Rule{Namespaces: []string{"shop"}, WorkloadIdentifiers: []string{"/ns/shop/*"}, AgentSockets: []string{"/shop/a"}}, rule)
	_, _, found = tenancy.Rules(nil).For("shop")
	require.False(t, found)
}
