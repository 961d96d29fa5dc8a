package typedconfig

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/adaptive_concurrency/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/bandwidth_limit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/csrf/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/oauth2/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig/typedconfigtest"
)

// TestRulesAreThoseOfTheGeneratedCode: for random messages of all types with Go code, the result
// equals that of ValidateAll, which is generated from the same annotations.
func TestRulesAreThoseOfTheGeneratedCode(t *testing.T) {
	var all []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		if _, ok := m.New().Interface().(interface{ ValidateAll() error }); ok && strings.HasPrefix(string(m.Descriptor().FullName()), "envoy.") {
			all = append(all, m)
		}
		return true
	})
	slices.SortFunc(all, func(a, b protoreflect.MessageType) int {
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	require.Greater(t, len(all), 300)
	r, verdicts := rand.New(rand.NewPCG(1, 1)), map[bool]int{}
	for _, typ := range all {
		for range 40 {
			m := typ.New()
			fill(r, m, 0)
			want := m.Interface().(interface{ ValidateAll() error }).ValidateAll()
			got := rulesOf(m, field.NewPath("spec")).ToAggregate()
			verdicts[want == nil]++
			if (want == nil) != (got == nil) {
				t.Fatalf("%s: %s\ngenerated: %v\nread: %v", typ.Descriptor().FullName(), protojson.Format(m.Interface()), want, errors.Join(got))
			}
		}
	}
	t.Log(verdicts)
	require.Greater(t, verdicts[true], 5000)
	require.Greater(t, verdicts[false], 5000)
}

// fill sets some fields to values, many of them at a limit.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	if _, isAny := m.Interface().(*anypb.Any); isAny {
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if r.IntN(3) == 0 || depth > 3 {
			continue
		}
		switch {
		case fd.IsMap():
			v := m.NewField(fd)
			for range r.IntN(3) {
				value := v.Map().NewValue()
				if fd.MapValue().Message() != nil {
					fill(r, value.Message(), depth+1)
				} else {
					value = scalar(r, fd.MapValue())
				}
				v.Map().Set(scalar(r, fd.MapKey()).MapKey(), value)
			}
			m.Set(fd, v)
		case fd.IsList():
			v := m.NewField(fd)
			for range r.IntN(3) {
				if fd.Message() != nil {
					value := v.List().NewElement()
					fill(r, value.Message(), depth+1)
					v.List().Append(value)
				} else {
					v.List().Append(scalar(r, fd))
				}
			}
			m.Set(fd, v)
		case fd.Message() != nil:
			v := m.NewField(fd)
			fill(r, v.Message(), depth+1)
			m.Set(fd, v)
		default:
			m.Set(fd, scalar(r, fd))
		}
	}
}

func scalar(r *rand.Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	n := []int64{0, 1, 2, 3, 5, 50, 99, 100, 101, 200, 599, 600, 1000, 65535, 65536, 1 << 20, 1 << 30}[r.IntN(17)]
	switch fd.Kind() {
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n % 7))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString([]string{"", "a", "x-header", "a b", "a\nb", "%CMD%", ":path", "http://a/b", "10.0.0.1", strings.Repeat("y", 300)}[r.IntN(10)])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(strings.Repeat("z", int(n%70))))
	default:
		return typedconfigtest.Number(fd.Kind(), n)
	}
}

// TestRulesOfMessagesWithoutCode: messages without Go code are checked in the same way.
func TestRulesOfMessagesWithoutCode(t *testing.T) {
	typ, err := types.FindMessageByName("envoy.extensions.filters.http.csrf.v3.CsrfPolicy")
	require.NoError(t, err)
	m := dynamicpb.NewMessage(typ.Descriptor())
	require.EqualError(t, rulesOf(m, field.NewPath("spec")).ToAggregate(), "spec.filter_enabled: Required value")
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	require.Empty(t, raw)
}
