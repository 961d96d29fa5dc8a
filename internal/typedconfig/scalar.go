package typedconfig

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/envoyproxy/protoc-gen-validate/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// scalarFault returns what is wrong with a value according to the rules of its type, "" if nothing is.
func scalarFault(v protoreflect.Value, fd protoreflect.FieldDescriptor, r *validate.FieldRules) string {
	switch x := v.Interface().(type) {
	case string:
		return stringFault(x, r.GetString_())
	case []byte:
		return bytesFault(x, r.GetBytes())
	case protoreflect.EnumNumber:
		return enumFault(x, fd, r.GetEnum())
	case bool:
		if b := r.GetBool(); b != nil && b.Const != nil && b.GetConst() != x {
			return fmt.Sprintf("must be %t", b.GetConst())
		}
		return ""
	case int32:
		return numberFault(int64(x), r, protoreflect.Value.Int)
	case int64:
		return numberFault(x, r, protoreflect.Value.Int)
	case uint32:
		return numberFault(uint64(x), r, protoreflect.Value.Uint)
	case uint64:
		return numberFault(x, r, protoreflect.Value.Uint)
	case float32:
		return floatFault(float64(x), r)
	case float64:
		return floatFault(x, r)
	}
	return ""
}

// floatFault rejects NaN and infinities, which no rule covers and which JSON cannot always express.
func floatFault(x float64, r *validate.FieldRules) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "must be a finite number"
	}
	return numberFault(x, r, protoreflect.Value.Float)
}

// numberFault checks the rules of the twelve number types, whose messages have the same fields.
func numberFault[N int64 | uint64 | float64](n N, r *validate.FieldRules, read func(protoreflect.Value) N) string {
	which := r.ProtoReflect().WhichOneof(r.ProtoReflect().Descriptor().Oneofs().ByName("type"))
	if r == nil || which == nil {
		return ""
	}
	rules := r.ProtoReflect().Get(which).Message()
	of := rules.Descriptor().Fields()
	get := func(name protoreflect.Name) (limit N, set bool) {
		fd := of.ByName(name)
		if fd == nil || !rules.Has(fd) {
			return limit, false
		}
		return read(rules.Get(fd)), true
	}
	if fd := of.ByName("ignore_empty"); fd != nil && rules.Get(fd).Bool() && n == 0 {
		return ""
	}
	if fault := rangeFault(n, get); fault != "" {
		return fault
	}
	listed := func(name protoreflect.Name) (found, set bool) {
		list := rules.Get(of.ByName(name)).List()
		for i := range list.Len() {
			found = found || read(list.Get(i)) == n
		}
		return found, list.Len() > 0
	}
	if found, set := listed("in"); set && !found {
		return "is not one of the valid values"
	}
	if found, _ := listed("not_in"); found {
		return "is not valid"
	}
	return ""
}

// rangeFault checks limits. A lower limit above the upper one excludes the values between them.
func rangeFault[N cmp.Ordered](n N, get func(protoreflect.Name) (N, bool)) string {
	if c, set := get("const"); set && n != c {
		return fmt.Sprintf("must be %v", c)
	}
	lower, upper, low, high := true, true, "", ""
	var from, to N
	hasFrom, hasTo := false, false
	if v, set := get("gt"); set {
		lower, low, from, hasFrom = n > v, fmt.Sprintf("more than %v", v), v, true
	}
	if v, set := get("gte"); set {
		lower, low, from, hasFrom = n >= v, fmt.Sprintf("at least %v", v), v, true
	}
	if v, set := get("lt"); set {
		upper, high, to, hasTo = n < v, fmt.Sprintf("less than %v", v), v, true
	}
	if v, set := get("lte"); set {
		upper, high, to, hasTo = n <= v, fmt.Sprintf("at most %v", v), v, true
	}
	word := " and "
	if hasFrom && hasTo && from > to {
		if lower || upper {
			return ""
		}
		word = " or "
	} else if lower && upper {
		return ""
	}
	if low != "" && high != "" {
		return "must be " + low + word + high
	}
	return "must be " + low + high
}

func bytesFault(b []byte, r *validate.BytesRules) string {
	n := uint64(len(b))
	switch {
	case r == nil || r.GetIgnoreEmpty() && n == 0:
		return ""
	case r.Len != nil && n != r.GetLen(), n < r.GetMinLen(), r.MaxLen != nil && n > r.GetMaxLen():
		return fmt.Sprintf("has %d bytes, which is too few or too many", n)
	case r.Const != nil && !bytes.Equal(b, r.GetConst()), !bytes.HasPrefix(b, r.GetPrefix()), !bytes.HasSuffix(b, r.GetSuffix()), !bytes.Contains(b, r.GetContains()):
		return "is not valid"
	}
	return ""
}

func enumFault(n protoreflect.EnumNumber, fd protoreflect.FieldDescriptor, r *validate.EnumRules) string {
	switch {
	case r == nil:
		return ""
	case r.GetDefinedOnly() && fd.Enum().Values().ByNumber(n) == nil,
		len(r.GetIn()) > 0 && !slices.Contains(r.GetIn(), int32(n)), slices.Contains(r.GetNotIn(), int32(n)), r.Const != nil && r.GetConst() != int32(n):
		return "is not one of the valid values"
	}
	return ""
}

func stringFault(s string, r *validate.StringRules) string {
	if r == nil || r.GetIgnoreEmpty() && s == "" {
		return ""
	}
	letters, size := uint64(utf8.RuneCountInString(s)), uint64(len(s))
	switch {
	case r.Const != nil && s != r.GetConst():
		return fmt.Sprintf("must be %q", r.GetConst())
	case s == "" && max(r.GetMinLen(), r.GetMinBytes(), r.GetLen(), r.GetLenBytes()) > 0:
		return "must not be empty"
	case letters < r.GetMinLen(), r.Len != nil && letters != r.GetLen(), size < r.GetMinBytes(), r.LenBytes != nil && size != r.GetLenBytes():
		return "has an invalid length"
	case r.MaxLen != nil && letters > r.GetMaxLen(), r.MaxBytes != nil && size > r.GetMaxBytes():
		return "is too long"
	case !strings.HasPrefix(s, r.GetPrefix()), !strings.HasSuffix(s, r.GetSuffix()), !strings.Contains(s, r.GetContains()),
		r.NotContains != nil && strings.Contains(s, r.GetNotContains()):
		return "is not valid"
	case len(r.GetIn()) > 0 && !slices.Contains(r.GetIn(), s), slices.Contains(r.GetNotIn(), s):
		return "is not one of the valid values"
	}
	return formFault(s, r)
}

// Regular expressions of protoc-gen-validate for the names and values of headers.
// https://github.com/bufbuild/protoc-gen-validate/blob/v1.2.1/README.md#well-known-formats
var (
	headerName  = regexp.MustCompile("^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$")
	headerValue = regexp.MustCompile("^[^\u0000-\u0008\u000A-\u001F\u007F]*$")
	plainText   = regexp.MustCompile("^[^\u0000\u000A\u000D]*$")
)

func formFault(s string, r *validate.StringRules) string {
	if pattern := r.GetPattern(); pattern != "" {
		if ok, err := regexp.MatchString(pattern, s); err != nil || !ok {
			return "must match " + shortened(pattern)
		}
	}
	strict := r.Strict == nil || r.GetStrict()
	switch known := r.GetWellKnownRegex(); {
	case known == validate.KnownRegex_UNKNOWN:
	case !strict && !plainText.MatchString(s), strict && known == validate.KnownRegex_HTTP_HEADER_VALUE && !headerValue.MatchString(s):
		return "must not have control characters"
	case strict && known == validate.KnownRegex_HTTP_HEADER_NAME && !headerName.MatchString(s):
		return "must be the name of a header"
	}
	switch _, err := netip.ParseAddr(s); {
	case (r.GetIp() || r.GetIpv4() || r.GetIpv6()) && err != nil:
		return "must be an IP address"
	}
	if u, err := url.Parse(s); (r.GetUri() || r.GetUriRef()) && (err != nil || r.GetUri() && !u.IsAbs()) {
		return "must be a URI"
	}
	return ""
}

// timeFault compares a duration with its limits. Envoy's API has none for timestamps.
func timeFault(m protoreflect.Message, r *validate.FieldRules) string {
	rules := r.GetDuration()
	if rules == nil {
		return ""
	}
	of := m.Descriptor().Fields()
	d := &durationpb.Duration{Seconds: m.Get(of.ByName("seconds")).Int(), Nanos: int32(m.Get(of.ByName("nanos")).Int())}
	if err := d.CheckValid(); err != nil {
		return "is not a duration that Envoy supports"
	}
	n := d.AsDuration()
	limits := map[protoreflect.Name]*durationpb.Duration{"const": rules.GetConst(), "gt": rules.GetGt(), "gte": rules.GetGte(), "lt": rules.GetLt(), "lte": rules.GetLte()}
	return rangeFault(n, func(name protoreflect.Name) (time.Duration, bool) {
		return limits[name].AsDuration(), limits[name] != nil
	})
}
