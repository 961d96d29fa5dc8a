package envoyfilter_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/typedconfig"
)

// TestMessagesExist: the messages of all filters exist in Envoy's API, and the filters are sorted.
func TestMessagesExist(t *testing.T) {
	require.True(t, slices.IsSorted(envoyfilter.Names()))
	for _, f := range envoyfilter.All() {
		require.True(t, envoyfilter.IsName(f.Name))
		found, ok := envoyfilter.Of(f.Chain)
		require.True(t, ok)
		require.Equal(t, f, found)
		for _, name := range []string{f.Chain, f.Route} {
			if name != "" {
				_, err := envoyapi.Types{}.FindMessageByName(protoreflect.FullName(name))
				require.NoError(t, err, name)
			}
		}
	}
	require.False(t, envoyfilter.IsName("router"))
	_, ok := envoyfilter.Of("envoy.extensions.filters.http.router.v3.Router")
	require.False(t, ok)
}

func confined(t *testing.T, text string) error {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	m, errs := typedconfig.Read(raw, field.NewPath("c"))
	require.Empty(t, errs)
	return envoyfilter.Confined(m, field.NewPath("c")).ToAggregate()
}

const filters = "{'@type': type.googleapis.com/envoy.extensions.filters.http."

// header returns a filter that adds a header to requests.
func header(name, value string) string {
	return filters + "header_mutation.v3.HeaderMutation, mutations: {request_mutations: [{append: {header: {key: '" + name + "', value: '" + value + "'}}}]}}"
}

func origin(matcher string) string {
	return filters + "csrf.v3.CsrfPolicy, filter_enabled: {default_value: {}}, additional_origins: [" + matcher + "]}"
}

func respond(policy string) string {
	return filters + "custom_response.v3.CustomResponse, custom_response_matcher: {on_no_match: {action: {name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.custom_response." + policy + "}}}}}"
}

func status(matcher string) string {
	return filters + "custom_response.v3.CustomResponse, custom_response_matcher: {matcher_list: {matchers: [{on_match: {action: {name: a, " +
		"typed_config: {'@type': type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy}}}, predicate: {single_predicate: {" +
		"input: {name: a, typed_config: {'@type': type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput}}, value_match: {" + matcher + "}}}}]}}}"
}

func rbac(permission string) string {
	return filters + "rbac.v3.RBAC, rules: {policies: {p: {permissions: [" + permission + "], principals: [{any: true}]}}}}"
}

// TestConfined tries each known way in which a filter could do more than change the requests of its own route.
func TestConfined(t *testing.T) {
	const local = "local_response_policy.v3.LocalResponsePolicy, "
	for text, want := range map[string]string{
		filters + "grpc_web.v3.GrpcWeb}":                                                 "",
		header("x-a", "a %REQ(x-b?y):5% %% %START_TIME%"):                                "",
		header("x-a", "%REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH?:path)% %RESP(:status)%"): "",
		origin("{exact: a}, {safe_regex: {regex: '^a.*[a-z]{2,4}$'}}"):                   "",
		status("exact: '503'"):                                                           "",
		status("safe_regex: {google_re2: {}, regex: '5[0-9]+'}"):                         "",
		status("safe_regex: {google_re2: {}, regex: '('}"):                               "is not a regular expression that Envoy accepts",
		origin("{safe_regex: {google_re2: {max_program_size: 1}, regex: a}}"):            "is deprecated",
		respond(local + "body: {inline_string: a}}"):                                     "",
		rbac("{header: {name: a, present_match: true}}"):                                 "",

		filters + "lua.v3.Lua}":                     "which the operator must grant",
		header("x-a", "%ENVIRONMENT(TOKEN)%"):       "is not a command that all namespaces may use",
		header("x-a", "a %PROTOCOL% %REQ(:other)%"): `has "%REQ(:other)%", which is not a command`,
		header("x-a", "%FILTER_STATE(a)%"):          "is not a command that all namespaces may use",
		header("x-a", "%%%ENVIRONMENT(TOKEN)%"):     "is not a command that all namespaces may use",
		header("x-a", "50%"):                        "is not a command that all namespaces may use",
		header(":authority", "other.example.com"):   "by which Envoy chooses routes",
		header("HOST", "other.example.com"):         "by which Envoy chooses routes",
		header("a b", "c"):                          "has an invalid header name",
		filters + "header_mutation.v3.HeaderMutation, mutations: {query_parameter_mutations: [{remove: a}]}}":                                                                                                  "changes the path of requests",
		filters + "header_mutation.v3.HeaderMutation, mutations: {request_mutations: [{remove: ':path'}]}}":                                                                                                    "by which Envoy chooses routes",
		filters + "header_mutation.v3.HeaderMutation, mutations: {request_mutations: [{append: {append: true, header: {key: a}}}]}}":                                                                           "is deprecated",
		respond(local + "body: {filename: /certs/tls.key}}"):                                                                                                                                                   "reads a file of Envoy",
		respond(local + "body: {environment_variable: TOKEN}}"):                                                                                                                                                "reads the environment of Envoy",
		respond(local + "body_format: {text_format_source: {inline_string: '%ENVIRONMENT(TOKEN)%'}}}"):                                                                                                         "is not a command that all namespaces may use",
		respond(local + "body_format: {text_format: '%ENVIRONMENT(TOKEN)%'}}"):                                                                                                                                 "is deprecated",
		respond(local + "body_format: {text_format_source: {inline_bytes: '" + base64.StdEncoding.EncodeToString([]byte("%ENVIRONMENT(TOKEN)%")) + "'}}}"):                                                     "is not a command that all namespaces may use",
		filters + "header_mutation.v3.HeaderMutation, mutations: {request_mutations: [{append: {header: {key: a, raw_value: '" + base64.StdEncoding.EncodeToString([]byte("%ENVIRONMENT(TOKEN)%")) + "'}}}]}}": "is not a command that all namespaces may use",
		respond(local + "body_format: {text_format_source: {filename: /a}}}"):                                                                                                                                  "reads a file of Envoy",
		respond(local + "response_headers_to_add: [{header: {key: a, value: '%ENVIRONMENT(TOKEN)%'}}]}"):                                                                                                       "is not a command that all namespaces may use",
		respond("redirect_policy.v3.RedirectPolicy, uri: http://other.example.com/}"):                                                                                                                          "which the operator must grant",
		origin("{ignore_case: true, exact: a}, {safe_regex: {regex: '(?i)a'}}"):                                                                                                                                "",
		origin("{ignore_case: true, safe_regex: {regex: a}}"):                                                                                                                                                  "which Envoy rejects",
		status("ignore_case: true, safe_regex: {google_re2: {}, regex: a}"):                                                                                                                                    "which Envoy rejects",
		origin("{safe_regex: {regex: '('}}"):                                                                                                                                                                   "is not a regular expression that Envoy accepts",
		origin("{safe_regex: {regex: 'a{1,1000}'}}"):                                                                                                                                                           "up to 4 repetitions",
		origin("{safe_regex: {regex: '" + strings.Repeat("a", 257) + "'}}"):                                                                                                                                    "of more than 256 bytes",
		rbac("{matcher: {name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: /a}}}"):                                       "which the operator must grant",
		rbac("{destination_ip: {address_prefix: a, prefix_len: 8}}"):                                                                                                                                           "must be an IP address",
		filters + "bandwidth_limit.v3.BandwidthLimit, stat_prefix: a}":                                                                                                                                         "needs limit_kbps",
		filters + "stateful_session.v3.StatefulSession, session_state: {name: envoy.http.stateful_session.cookie, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState, header: {name: a}}}}": "which the operator must grant",
	} {
		t.Run(text, func(t *testing.T) {
			err := confined(t, text)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, want)
		})
	}
}
