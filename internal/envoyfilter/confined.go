package envoyfilter

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyapi"
)

// messages are the messages that the configuration of a confined filter may contain. Their effects
// are known: they read no file or environment of Envoy, call no cluster, and change nothing but the
// requests that pass through the filter and the responses to them.
var messages = set(
	"envoy.extensions.filters.http.adaptive_concurrency.v3.*", "envoy.extensions.filters.http.bandwidth_limit.v3.*",
	"envoy.extensions.filters.http.csrf.v3.*", "envoy.extensions.filters.http.custom_response.v3.*", "envoy.extensions.filters.http.grpc_web.v3.*",
	"envoy.extensions.filters.http.header_mutation.v3.*", "envoy.extensions.filters.http.rbac.v3.*", "envoy.extensions.filters.http.stateful_session.v3.*",
	"envoy.config.common.mutation_rules.v3.HeaderMutation",
	"envoy.config.core.v3.DataSource", "envoy.config.core.v3.HeaderValueOption", "envoy.config.core.v3.HeaderValue", "envoy.config.core.v3.RuntimeFeatureFlag",
	"envoy.config.core.v3.RuntimeFractionalPercent", "envoy.config.core.v3.CidrRange", "envoy.config.core.v3.SubstitutionFormatString", "envoy.config.core.v3.TypedExtensionConfig",
	"envoy.config.rbac.v3.RBAC", "envoy.config.rbac.v3.Policy", "envoy.config.rbac.v3.Permission", "envoy.config.rbac.v3.Permission.Set",
	"envoy.config.rbac.v3.Principal", "envoy.config.rbac.v3.Principal.Set", "envoy.config.rbac.v3.Principal.Authenticated",
	"envoy.config.route.v3.HeaderMatcher", "envoy.type.matcher.v3.StringMatcher", "envoy.type.matcher.v3.RegexMatcher", "envoy.type.matcher.v3.RegexMatcher.*", "envoy.type.matcher.v3.PathMatcher",
	"envoy.type.v3.Percent", "envoy.type.v3.FractionalPercent", "envoy.type.v3.HttpStatus", "envoy.type.v3.Int32Range", "envoy.type.v3.Int64Range",
	"envoy.type.http.v3.Cookie",
	"xds.type.matcher.v3.StringMatcher", "xds.type.matcher.v3.RegexMatcher", "xds.type.matcher.v3.RegexMatcher.*",
	"xds.type.matcher.v3.Matcher", "xds.type.matcher.v3.Matcher.*", "xds.core.v3.TypedExtensionConfig",
	statusInput, localResponse, cookieSession, headerSession,
)

// Messages that other messages may contain.
const (
	statusInput   = "envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput"
	localResponse = "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy"
	cookieSession = "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
	headerSession = "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"
)

// inside are the messages allowed in a field that can hold any message.
var inside = map[protoreflect.FullName][]string{
	"xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate.input": {statusInput},
	"xds.type.matcher.v3.Matcher.MatcherTree.input":                           {statusInput},
	"xds.type.matcher.v3.Matcher.OnMatch.action":                              {localResponse},
	"envoy.extensions.filters.http.stateful_session.v3.StatefulSession.session_state": {
		cookieSession, headerSession,
	},
}

func set(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func isAllowed(name protoreflect.FullName) bool {
	if messages[string(name)] {
		return true
	}
	for in := name.Parent(); in != ""; in = in.Parent() {
		if messages[string(in)+".*"] {
			return true
		}
	}
	return false
}

// confinement walks the configuration of a filter.
type confinement struct{ errs field.ErrorList }

// Confined returns why a configuration exceeds what a namespace may do by default, or why Envoy
// might reject it, which would also block others' changes.
func Confined(m proto.Message, at *field.Path) field.ErrorList {
	c := &confinement{}
	c.message(m.ProtoReflect(), "", at)
	return c.errs
}

const maxFaults = 10

func (c *confinement) message(m protoreflect.Message, in protoreflect.FullName, at *field.Path) {
	of := m.Descriptor()
	switch {
	case len(c.errs) >= maxFaults:
		return
	case of.FullName() == "google.protobuf.Any":
		c.any(m, in, at)
		return
	case of.FullName().Parent() == "google.protobuf":
		return
	case !isAllowed(of.FullName()):
		c.forbid(at, "is a "+string(of.FullName())+", which the operator must grant")
		return
	}
	if fault := c.check(m, in); fault != "" {
		c.forbid(at, fault)
	}
	fields := of.Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); m.Has(fd) {
			c.field(m.Get(fd), fd, in, at.Child(fd.TextName()))
		}
	}
}

func (c *confinement) field(v protoreflect.Value, fd protoreflect.FieldDescriptor, in protoreflect.FullName, at *field.Path) {
	if reason := forbiddenFields[fd.FullName()]; reason != "" {
		c.forbid(at, reason)
		return
	}
	if fd.FullName() != "envoy.config.core.v3.TypedExtensionConfig.typed_config" && fd.FullName() != "xds.core.v3.TypedExtensionConfig.typed_config" {
		in = fd.FullName()
	}
	switch {
	case fd.IsMap() && fd.MapValue().Message() != nil:
		var keys []protoreflect.MapKey
		v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool { keys = append(keys, k); return true })
		slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			c.message(v.Map().Get(k).Message(), in, at.Key(k.String()))
		}
	case fd.IsMap() || fd.Message() == nil:
	case fd.IsList():
		for i := range v.List().Len() {
			c.message(v.List().Get(i).Message(), in, at.Index(i))
		}
	default:
		c.message(v.Message(), in, at)
	}
}

// any checks the message that a field holds.
func (c *confinement) any(m protoreflect.Message, in protoreflect.FullName, at *field.Path) {
	a := &anypb.Any{}
	raw, err := proto.Marshal(m.Interface())
	if err == nil {
		err = proto.Unmarshal(raw, a)
	}
	name := a.MessageName()
	if err != nil || !slices.Contains(inside[in], string(name)) {
		c.forbid(at, "is a "+string(name)+", which the operator must grant")
		return
	}
	content, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: envoyapi.Types{}})
	if err != nil {
		c.forbid(at, "cannot be read")
		return
	}
	c.message(content.ProtoReflect(), in, at)
}

func (c *confinement) forbid(at *field.Path, reason string) {
	c.errs = append(c.errs, field.Forbidden(at, reason))
}
