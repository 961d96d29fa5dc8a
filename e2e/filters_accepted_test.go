//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/internal/typedconfig/typedconfigtest"
)

// acceptedFilters is the number of accepted configurations of each message that are tried, and
// filtersAtOnce how many of them Envoy gets at a time.
const (
	acceptedFilters = 100
	filtersAtOnce   = 50
)

// TestEnvoyTakesConfinedFilters: Envoy accepts every filter configuration that egraft accepts from
// any namespace, in the filter chain, on a route and in a cluster. If Envoy rejected one, it would
// also reject the changes of all other tenants in the same update.
func TestEnvoyTakesConfinedFilters(t *testing.T) {
	needs(t, here)
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	envoy := programs[parts.Envoy]
	for _, f := range envoyfilter.All() {
		if !f.IsConfined {
			continue
		}
		for _, use := range []struct {
			message string
			put     func([]object) resources
			name    string
			not     bool
		}{{f.Chain, filterChainOf, "chain", false}, {f.Route, routesOf, "route", f.Route == ""}, {f.Chain, clusterOf, "cluster", !f.IsUpstream}} {
			if use.not {
				continue
			}
			t.Run(use.name+" "+use.message[len("envoy.extensions.filters.http."):], func(t *testing.T) {
				all := acceptedConfigs(t, use.message)
				for len(all) > 0 {
					n := min(len(all), filtersAtOnce)
					if err := validated(t, envoy, use.put(all[:n])); err != nil {
						blameFilters(t, envoy, all[:n], use.put)
					}
					all = all[n:]
				}
			})
		}
	}
}

// TestRejectedFiltersAreSeen shows that the test above detects rejections.
func TestRejectedFiltersAreSeen(t *testing.T) {
	needs(t, here)
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	wrong := object{"@type": typedconfig.URLPrefix + "envoy.extensions.filters.http.csrf.v3.CsrfPolicy"}
	for _, put := range []func([]object) resources{filterChainOf, routesOf, clusterOf} {
		require.Error(t, validated(t, programs[parts.Envoy], put([]object{wrong})))
	}
}

func blameFilters(t *testing.T, envoy string, all []object, put func([]object) resources) {
	t.Helper()
	for _, c := range all {
		if err := validated(t, envoy, put([]object{c})); err != nil {
			text, _ := json.Marshal(c)
			assert.NoError(t, err, "%s", text)
			return
		}
	}
}

func filterChainOf(configs []object) resources {
	var filters []object
	for i, c := range configs {
		filters = append(filters, object{"name": fmt.Sprint("filter-", i), "disabled": true, "typedConfig": c})
	}
	return managerOf(filters, object{"match": object{"prefix": "/"}, "directResponse": object{"status": 200}})
}

func clusterOf(configs []object) resources {
	var filters []object
	for i, c := range configs {
		filters = append(filters, object{"name": fmt.Sprint("filter-", i), "typedConfig": c})
	}
	filters = append(filters, object{"name": "envoy.filters.http.upstream_codec", "typedConfig": object{"@type": typedconfig.URLPrefix + "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"}})
	const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	return resources{"Cluster": {{"name": "c", "connectTimeout": "1s", "typedExtensionProtocolOptions": object{options: object{
		"@type": typedconfig.URLPrefix + options, "explicitHttpConfig": object{"httpProtocolOptions": object{}}, "httpFilters": filters,
	}}}}}
}

func routesOf(configs []object) resources {
	var routes []object
	for i, c := range configs {
		routes = append(routes, object{"match": object{"prefix": fmt.Sprint("/", i)}, "directResponse": object{"status": 200}, "typedPerFilterConfig": object{"filter": c}})
	}
	return managerOf(nil, routes...)
}

func managerOf(filters []object, routes ...object) resources {
	const extensions = typedconfig.URLPrefix + "envoy.extensions.filters."
	filters = append(filters, object{"name": "envoy.filters.http.router", "typedConfig": object{"@type": extensions + "http.router.v3.Router"}})
	return resources{"Listener": {{"name": "l", "address": object{"socketAddress": object{"address": "127.0.0.1", "portValue": 10000}}, "filterChains": []object{{"filters": []object{{
		"name": "hcm", "typedConfig": object{
			"@type": extensions + "network.http_connection_manager.v3.HttpConnectionManager", "statPrefix": "s", "httpFilters": filters,
			"routeConfig": object{"name": "r", "virtualHosts": []object{{"name": "v", "domains": []string{"*"}, "routes": routes}}},
		},
	}}}}}}}
}

// acceptedConfigs returns random configurations that egraft accepts.
func acceptedConfigs(t *testing.T, message string) (out []object) {
	t.Helper()
	typ, err := envoyapi.Types{}.FindMessageByName(protoreflect.FullName(message))
	require.NoError(t, err)
	r, seen, tried := rand.New(rand.NewPCG(acceptedSeed, 0)), map[string]bool{}, 0
	for ; len(out) < acceptedFilters && tried < 100*acceptedFilters; tried++ {
		o := randomMessage(t, r, typ)
		if message == customResponse {
			o = randomResponse(t, r)
		}
		raw, err := json.Marshal(o)
		require.NoError(t, err)
		read, errs := typedconfig.Read(raw, field.NewPath("c"))
		if len(errs) > 0 || len(envoyfilter.Confined(read, field.NewPath("c"))) > 0 || seen[string(raw)] {
			continue
		}
		seen[string(raw)] = true
		out = append(out, o)
	}
	t.Logf("%d accepted of %d", len(out), tried)
	require.NotEmpty(t, out)
	return out
}

func randomMessage(t *testing.T, r *rand.Rand, typ protoreflect.MessageType) (o object) {
	t.Helper()
	m := dynamicpb.NewMessage(typ.Descriptor())
	fillFilter(t, r, m, "", 0)
	raw, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Marshal(m)
	if err != nil { // JSON cannot represent it, such as a time before year 1
		return object{}
	}
	require.NoError(t, json.Unmarshal(raw, &o))
	o["@type"] = typedconfig.URLPrefix + string(typ.Descriptor().FullName())
	return o
}

const customResponse = "envoy.extensions.filters.http.custom_response.v3.CustomResponse"

// randomResponse returns a custom response with a random part: completely random ones are hardly
// ever valid.
func randomResponse(t *testing.T, r *rand.Rand) object {
	t.Helper()
	random := func(message string) object {
		typ, err := envoyapi.Types{}.FindMessageByName(protoreflect.FullName(message))
		require.NoError(t, err)
		return randomMessage(t, r, typ)
	}
	predicate := object{"singlePredicate": object{
		"input":      object{"name": "status", "typedConfig": object{"@type": typedconfig.URLPrefix + insideOf["input"][0]}},
		"valueMatch": random("xds.type.matcher.v3.StringMatcher"),
	}}
	delete(predicate["singlePredicate"].(object)["valueMatch"].(object), "@type")
	if r.IntN(3) == 0 {
		predicate = object{"notMatcher": predicate}
	}
	action := object{"action": object{"name": "respond", "typedConfig": random(insideOf["action"][0])}}
	return object{"@type": typedconfig.URLPrefix + customResponse, "customResponseMatcher": object{
		"matcherList": object{"matchers": []object{{"predicate": predicate, "onMatch": action}}},
	}}
}

// insideOf are the messages that belong in fields of type Any.
var insideOf = map[protoreflect.Name][]string{
	"input":         {"envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput"},
	"action":        {"envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy"},
	"session_state": {"envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"},
}

// fillFilter fills a message with random values. in is the field that contains it.
func fillFilter(t *testing.T, r *rand.Rand, m protoreflect.Message, in protoreflect.Name, depth int) {
	t.Helper()
	switch m.Descriptor().FullName() {
	case "google.protobuf.Duration":
		m.Set(m.Descriptor().Fields().ByName("seconds"), protoreflect.ValueOfInt64([]int64{0, 0, 1, 5, 60, 3600, 1 << 30}[r.IntN(7)]))
		m.Set(m.Descriptor().Fields().ByName("nanos"), protoreflect.ValueOfInt32([]int32{0, 1, 1_000_000, 100_000_000, 999_999_999}[r.IntN(5)]))
		return
	case "google.protobuf.Value":
		m.Set(m.Descriptor().Fields().ByName("string_value"), protoreflect.ValueOfString(filterTexts[r.IntN(len(filterTexts))]))
		return
	case "google.protobuf.Any":
		inside := insideOf[in]
		if len(inside) == 0 || r.IntN(20) == 0 {
			inside = slices.Concat(slices.Collect(maps.Values(insideOf))...)
			slices.Sort(inside)
		}
		typ, err := envoyapi.Types{}.FindMessageByName(protoreflect.FullName(inside[r.IntN(len(inside))]))
		require.NoError(t, err)
		inner := dynamicpb.NewMessage(typ.Descriptor())
		fillFilter(t, r, inner, "", depth+1)
		packed, err := anypb.New(inner)
		require.NoError(t, err)
		fields := m.Descriptor().Fields()
		m.Set(fields.ByName("type_url"), protoreflect.ValueOfString(packed.GetTypeUrl()))
		m.Set(fields.ByName("value"), protoreflect.ValueOfBytes(packed.GetValue()))
		return
	}
	oneofs := map[protoreflect.FullName]int{}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			if _, chosen := oneofs[o.FullName()]; !chosen {
				oneofs[o.FullName()] = r.IntN(o.Fields().Len())
			}
			if o.Fields().Get(oneofs[o.FullName()]) != fd {
				continue
			}
		} else if r.IntN(5) > 1 && depth > 0 && fd.Message() != nil || depth > 12 || r.IntN(3) == 0 {
			continue
		}
		fillField(t, r, m, fd, in, depth)
	}
}

func fillField(t *testing.T, r *rand.Rand, m protoreflect.Message, fd protoreflect.FieldDescriptor, in protoreflect.Name, depth int) {
	t.Helper()
	if fd.Name() != "typed_config" {
		in = fd.Name()
	}
	if fd.Kind() == protoreflect.StringKind && in == "session_state" {
		m.Set(fd, protoreflect.ValueOfString([]string{"envoy.http.stateful_session.cookie", "envoy.http.stateful_session.header", "other"}[r.IntN(3)]))
		return
	}
	value := func(fresh protoreflect.Value, fd protoreflect.FieldDescriptor) protoreflect.Value {
		if fd.Message() == nil {
			return filterScalar(r, fd)
		}
		fillFilter(t, r, fresh.Message(), in, depth+1)
		return fresh
	}
	v := m.NewField(fd)
	switch {
	case fd.IsMap():
		for range r.IntN(2) + 1 {
			v.Map().Set(filterScalar(r, fd.MapKey()).MapKey(), value(v.Map().NewValue(), fd.MapValue()))
		}
	case fd.IsList():
		for range r.IntN(2) + 1 {
			v.List().Append(value(v.List().NewElement(), fd))
		}
	default:
		v = value(v, fd)
	}
	m.Set(fd, v)
}

var filterTexts = []string{
	"", "a", "x-header", "X_Y", "host", ":path", ":method", "a b", "%REQ(x-a)%", "%REQ(x-a?y):5%", "%REQ(:PATH)%", "%REQ(x-a?:authority):5%", "%RESP(:status)%", "%TRAILER(:method)%", "%START_TIME%", "%%", "50%", "%ENVIRONMENT(HOME)%", "%FOO%", "%REQ(%",
	"10.0.0.0", "::1", "300.1.1.1", "^/a.*[a-z]{2,4}$", "(", "a{1,1000}", `\pL`, "(?i)a|b", "text/plain", "application/grpc", "/", "/a/{b}", "*.example.com", "é", "\t", "a\r", "200", "[", "a=b; c", "__Host-a",
}

func filterScalar(r *rand.Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	n := []int64{0, 1, 2, 5, 32, 99, 100, 101, 199, 200, 404, 503, 600, 1000, 65535, 65536, 1 << 20, 1<<31 - 1}[r.IntN(18)]
	switch fd.Kind() {
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(r.IntN(fd.Enum().Values().Len())).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(filterTexts[r.IntN(len(filterTexts))])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(filterTexts[r.IntN(len(filterTexts))]))
	default:
		return typedconfigtest.Number(fd.Kind(), n)
	}
}
