package typedconfig_test

import (
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	csrfv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/csrf/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/typedconfig"
)

const csrf = `
"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy
filter_enabled: {default_value: {numerator: 100}}
additional_origins: [{exact: www.example.com}]
`

func read(t *testing.T, text string) (string, error) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	m, errs := typedconfig.Read(raw, field.NewPath("typedConfig"))
	if len(errs) > 0 {
		return "", errs.ToAggregate()
	}
	return protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Format(m), nil
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"names of protobuf": {csrf, `{"filterEnabled":{"defaultValue":{"numerator":100}}, "additionalOrigins":[{"exact":"www.example.com"}]}`},
		"names of JSON":     {strings.NewReplacer("filter_enabled", "filterEnabled", "default_value", "defaultValue").Replace(csrf), `{"filterEnabled":{"defaultValue":{"numerator":100}}, "additionalOrigins":[{"exact":"www.example.com"}]}`},
		"a message inside": {`
"@type": type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession
session_state:
  name: cookie
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState
    cookie: {name: c, ttl: 60s}
`, `{"sessionState":{"name":"cookie", "typedConfig":{"@type":"type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", "cookie":{"name":"c", "ttl":"60s"}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, c.text)
			require.NoError(t, err)
			require.JSONEq(t, c.want, got)
		})
	}
}

func TestFaults(t *testing.T) {
	const session = `"@type": type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession
session_state: {name: c, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState, `
	for name, c := range map[string]struct{ text, err string }{
		"no object":              {`text`, `typedConfig: Invalid value: must be an object with @type`},
		"no type":                {`filter_enabled: {}`, `typedConfig.@type: Required value: name the message, such as type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy`},
		"other prefix":           {`"@type": example.com/a`, `typedConfig.@type: Invalid value: "example.com/a": must begin with type.googleapis.com/`},
		"unknown type":           {`"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsfrPolicy`, `typedConfig.@type: Invalid value: "envoy.extensions.filters.http.csrf.v3.CsfrPolicy": is not a message of Envoy's API; did you mean envoy.extensions.filters.http.csrf.v3.CsrfPolicy?`},
		"unknown field":          {strings.Replace(csrf, "filter_enabled", "filterEnable", 1), `typedConfig: Invalid value: "filterEnable": is not a field of CsrfPolicy; did you mean filter_enabled?`},
		"unknown field far away": {strings.Replace(csrf, "filter_enabled", "zzz", 1), `typedConfig: Invalid value: "zzz": is not a field of CsrfPolicy`},
		"below":                  {strings.Replace(csrf, "numerator", "numerater", 1), `typedConfig.filter_enabled.default_value: Invalid value: "numerater": is not a field of FractionalPercent; did you mean numerator?`},
		"in a list":              {strings.Replace(csrf, "exact", "exakt", 1), `typedConfig.additional_origins[0]: Invalid value: "exakt": is not a field of StringMatcher; did you mean exact?`},
		"wrong type":             {strings.Replace(csrf, "100", "many", 1), `typedConfig.filter_enabled.default_value.numerator: Invalid value: invalid value for uint32 field numerator: "many"`},
		"number for a message":   {strings.Replace(csrf, "{numerator: 100}", "100", 1), `typedConfig.filter_enabled.default_value: Invalid value: unexpected token 100`},
		"no list":                {strings.Replace(csrf, "[{exact: www.example.com}]", "{exact: a}", 1), `typedConfig.additional_origins: Invalid value: must be a list`},
		"enumeration":            {strings.Replace(csrf, "100", "100, denominator: THOUSAND", 1), `typedConfig.filter_enabled.default_value.denominator: Invalid value: invalid value for enum field denominator: "THOUSAND"; the values are HUNDRED, TEN_THOUSAND, MILLION`},
		"required field":         {`"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy`, `typedConfig.filter_enabled: Required value`},
		"one of":                 {strings.Replace(csrf, "exact: www.example.com", "", 1), `typedConfig.additional_origins[0]: Required value: set one of exact, prefix, suffix, safe_regex, contains, custom`},
		"both of one":            {strings.Replace(csrf, "exact: www.example.com", "exact: a, prefix: b", 1), `typedConfig: Invalid value: error parsing "prefix", oneof envoy.type.matcher.v3.StringMatcher.match_pattern is already set`},
		"message inside":         {session + `cookie: {nam: c}}}`, `typedConfig.session_state.typed_config.cookie: Invalid value: "nam": is not a field of Cookie; did you mean name?`},
		"rule inside":            {session + `cookie: {name: ""}}}`, `typedConfig.session_state.typed_config.cookie.name: Invalid value: "": must not be empty`},
		"limit of a duration":    {session + `cookie: {name: c, ttl: -1s}}}`, `typedConfig.session_state.typed_config.cookie.ttl: Invalid value: must be at least 0s`},
		"deep":                   {`"@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC` + "\nrules: {policies: {p: {permissions: [" + strings.Repeat("{not_rule: ", 30) + "{any: true}" + strings.Repeat("}", 30) + "]}}}", `typedConfig.rules.policies[p].permissions[0]` + strings.Repeat(".not_rule", 22) + `: Invalid value: is nested more than 24 levels deep`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.text)
			require.EqualError(t, err, c.err)
		})
	}
}

// TestHostileText: text is shortened before it is quoted, and the number of faults is limited.
func TestHostileText(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, text := range []string{
		`{"@type":"` + long + `"}`, `{"@type":"type.googleapis.com/` + long + `"}`, `{"@type":"type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy","` + long + `":1}`,
		`{"@type":"type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy","filter_enabled":{"runtime_key":7, "default_value":"` + long + `"}}`,
	} {
		_, errs := typedconfig.Read([]byte(text), field.NewPath("c"))
		require.NotEmpty(t, errs)
		require.Less(t, len(errs.ToAggregate().Error()), 1000)
	}
	_, err := read(t, strings.Replace(csrf, "{exact: www.example.com}", strings.Repeat("{a: 1},", 10_000), 1))
	require.ErrorContains(t, err, "additional_origins[9]")
	require.NotContains(t, err.Error(), "additional_origins[10]")
}

func TestName(t *testing.T) {
	require.Equal(t, "a.B", typedconfig.Name([]byte(`{"@type":"type.googleapis.com/a.B"}`)))
	require.Empty(t, typedconfig.Name([]byte(`[]`)))
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"@type":"type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy","filterEnabled":{"defaultValue":{}}}`))
	f.Add([]byte(`{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, errs := typedconfig.Read(raw, field.NewPath("c"))
		require.Equal(t, len(errs) == 0, m != nil)
	})
}

// TestValidate: a message is checked as a whole, but the content of an Any only in the named fields.
func TestValidate(t *testing.T) {
	inside, err := anypb.New(&csrfv3.CsrfPolicy{}) // lacks a required field
	require.NoError(t, err)
	m := &hcmv3.HttpConnectionManager{
		StatPrefix: "http", RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{}},
		HttpFilters: []*hcmv3.HttpFilter{{Name: "csrf", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: inside}}},
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	filters, prefix := fields.ByName("http_filters"), fields.ByName("stat_prefix")
	require.NoError(t, typedconfig.Validate(m, nil))
	require.NoError(t, typedconfig.Validate(m, []protoreflect.FieldDescriptor{prefix}))
	require.EqualError(t, typedconfig.Validate(m, []protoreflect.FieldDescriptor{filters}), "http_filters[0].typed_config.filter_enabled: Required value")
	m.StatPrefix = ""
	require.ErrorContains(t, typedconfig.Validate(m, nil), "stat_prefix: Invalid value")
	dynamic := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
	require.ErrorContains(t, typedconfig.Validate(dynamic, nil), "stat_prefix: Invalid value", "without Go code")
}
