package envoyfilter

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// forbiddenFields are fields forbidden in messages that a confined filter may contain.
var forbiddenFields = map[protoreflect.FullName]string{
	"envoy.config.core.v3.DataSource.filename":                                             "reads a file of Envoy",
	"envoy.config.core.v3.DataSource.environment_variable":                                 "reads the environment of Envoy",
	"envoy.config.core.v3.DataSource.watched_directory":                                    "reads files of Envoy",
	"envoy.config.core.v3.SubstitutionFormatString.formatters":                             "has extensions, which the operator must grant",
	"envoy.config.core.v3.SubstitutionFormatString.text_format":                            "is deprecated; use text_format_source",
	"envoy.config.core.v3.SubstitutionFormatString.json_format":                            "may be rejected by Envoy; use text_format_source",
	"envoy.config.core.v3.HeaderValueOption.append":                                        "is deprecated, and Envoy rejects it together with append_action",
	"xds.type.matcher.v3.Matcher.matcher_tree":                                             "may be rejected by Envoy; use matcher_list",
	"envoy.config.rbac.v3.RBAC.audit_logging_options":                                      "has extensions, which the operator must grant",
	"envoy.type.matcher.v3.RegexMatcher.GoogleRE2.max_program_size":                        "is deprecated, and Envoy may reject the expression for it",
	"envoy.type.matcher.v3.StringMatcher.custom":                                           "has extensions, which the operator must grant",
	"xds.type.matcher.v3.StringMatcher.custom":                                             "has extensions, which the operator must grant",
	"envoy.extensions.filters.http.header_mutation.v3.Mutations.query_parameter_mutations": "changes the path of requests",
}

// check returns why a message is invalid for Envoy although its validation rules accept it, "" if it is valid.
func (c *confinement) check(m protoreflect.Message, in protoreflect.FullName) string {
	text := func(name protoreflect.Name) string { return m.Get(m.Descriptor().Fields().ByName(name)).String() }
	bytes := func(name protoreflect.Name) string {
		return string(m.Get(m.Descriptor().Fields().ByName(name)).Bytes())
	}
	has := func(name protoreflect.Name) bool { return m.Has(m.Descriptor().Fields().ByName(name)) }
	switch m.Descriptor().FullName() {
	case "envoy.type.matcher.v3.RegexMatcher", "xds.type.matcher.v3.RegexMatcher":
		return RegexFault(text("regex"))
	case "envoy.type.matcher.v3.StringMatcher", "xds.type.matcher.v3.StringMatcher":
		if has("ignore_case") && has("safe_regex") {
			return "has ignore_case for a regular expression, which Envoy rejects: begin it with (?i)"
		}
	case "envoy.config.core.v3.HeaderValue":
		return cmp.Or(headerFault(text("key"), text("value")), FormatFault(bytes("raw_value")))
	case "envoy.config.common.mutation_rules.v3.HeaderMutation":
		if text("remove") != "" {
			return NameFault(text("remove"))
		}
	case "envoy.config.core.v3.TypedExtensionConfig":
		if in == sessionState && !slices.Contains(sessionNames, text("name")) {
			return "must be named " + strings.Join(sessionNames, " or ") + ": Envoy finds it by its name"
		}
	case "envoy.extensions.filters.http.adaptive_concurrency.v3.GradientControllerConfig.MinimumRTTCalculationParams":
		if (!has("interval") && !has("fixed_value")) || shorterThanMillisecond(m, "interval") || shorterThanMillisecond(m, "fixed_value") {
			return "needs interval or fixed_value, of at least 1ms"
		}
	case "envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit":
		if !has("limit_kbps") {
			return "needs limit_kbps"
		}
	case "envoy.config.core.v3.CidrRange":
		if _, err := netip.ParseAddr(text("address_prefix")); err != nil {
			return "must be an IP address and the length of a prefix"
		}
	case "envoy.config.core.v3.DataSource":
		if strings.HasPrefix(string(in), "envoy.config.core.v3.SubstitutionFormatString.") {
			return cmp.Or(FormatFault(text("inline_string")), FormatFault(bytes("inline_bytes")))
		}
	}
	return ""
}

// shorterThanMillisecond reports whether a duration is set that Envoy treats as unset.
func shorterThanMillisecond(m protoreflect.Message, name protoreflect.Name) bool {
	fd := m.Descriptor().Fields().ByName(name)
	if !m.Has(fd) {
		return false
	}
	d := m.Get(fd).Message()
	of := d.Descriptor().Fields()
	return d.Get(of.ByName("seconds")).Int() == 0 && d.Get(of.ByName("nanos")).Int() < 1_000_000
}

// headerFault checks a header to add. Envoy replaces a command between % characters in the value.
func headerFault(name, value string) string {
	if fault := NameFault(name); fault != "" {
		return fault
	}
	return FormatFault(value)
}

// sessionNames are the names of the extensions in sessionState.
var sessionNames = []string{"envoy.http.stateful_session.cookie", "envoy.http.stateful_session.header"}

const sessionState = "envoy.extensions.filters.http.stateful_session.v3.StatefulSession.session_state"

var token = regexp.MustCompile("^:?[0-9a-zA-Z!#$%&'*+.^_|~`-]+$")

// NameFault returns what is wrong with the name of a header to add, "" if nothing is: it must be a
// valid name, and not of a header by which Envoy selects routes.
func NameFault(name string) string {
	if !token.MatchString(name) {
		return "has an invalid header name"
	}
	return routingFault(name)
}

// routingFault rejects headers by which Envoy selects routes: if another filter makes Envoy select
// a route again, the request must not get a route of others.
func routingFault(name string) string {
	if strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") {
		return "changes the header " + name + ", by which Envoy chooses routes"
	}
	return ""
}

// headerName matches a header that a command reads, including pseudo-headers.
const headerName = `(?::(?i:authority|method|path|protocol|scheme|status)|[a-zA-Z0-9_-]{1,64})`

// plainCommands have no arguments.
const plainCommands = "START_TIME, PROTOCOL, RESPONSE_CODE, RESPONSE_CODE_DETAILS, RESPONSE_FLAGS, DURATION, BYTES_RECEIVED, STREAM_ID, TRACE_ID, DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"

// command matches the allowed commands between % characters: none that exposes Envoy itself, as
// ENVIRONMENT and FILTER_STATE do, and none that Envoy may reject.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/advanced/substitution_formatter
var command = regexp.MustCompile(`%(?:%|(?:REQ|RESP|TRAILER)\(` + headerName + `(?:\?` + headerName + `)?\)(?::[1-9][0-9]{0,3})?%|(?:` +
	strings.ReplaceAll(plainCommands, ", ", "|") + `)%)`)

// maxQuoted limits how much of a text a message quotes.
const maxQuoted = 40

// FormatFault returns what is wrong with a text in which Envoy replaces commands between %
// characters, "" if nothing is: commands may expose only the request and the response.
func FormatFault(value string) string {
	_, fault, found := strings.Cut(command.ReplaceAllString(value, ""), "%")
	if !found {
		return ""
	}
	return fmt.Sprintf("has %q, which is not a command that all namespaces may use: REQ(HEADER), RESP(HEADER), TRAILER(HEADER), %s; write %%%% for a percent sign",
		"%"+fault[:min(len(fault), maxQuoted)], plainCommands)
}

// Limits of regular expressions, so that Go and RE2 read them alike, and compile them in kilobytes.
const (
	maxRegex       = 256
	maxRepetitions = 4
)

var (
	plainRegex = regexp.MustCompile(`^[ -~]*$`)
	oddRegex   = regexp.MustCompile(`\\[^dDwWsSbB.\\/\-^$*+?()\[\]{}|]|\(\?[^:i]|\(\?i[^)]|\{[0-9]*[0-9]{3}|\{[0-9]+,[0-9]{3}|\{(?:6[5-9]|[7-9][0-9])|,(?:6[5-9]|[7-9][0-9])\}`)
)

// RegexFault returns why Envoy may reject a regular expression or take long to compile it, "" if it
// does neither.
func RegexFault(text string) string {
	switch {
	case len(text) > maxRegex:
		return "is a regular expression of more than 256 bytes"
	case !plainRegex.MatchString(text) || oddRegex.MatchString(text) || strings.Count(text, "{") > maxRepetitions:
		return "is not a regular expression with only ASCII characters, the classes \\d \\w \\s \\b, and up to 4 repetitions of up to 64 times"
	}
	if _, err := regexp.Compile(text); err != nil {
		return "is not a regular expression that Envoy accepts: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	return ""
}
