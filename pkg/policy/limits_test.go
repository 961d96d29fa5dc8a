package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/policy"
)

// spec returns a spec with a target and more fields.
func spec(more string) string {
	return `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}]` + more + `}`
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

// TestLimitsOfAnObject: an object past a limit still has its name and targets, so that its failure
// policy applies.
func TestLimitsOfAnObject(t *testing.T) {
	tests := []struct {
		name, more, err string
	}{
		{"large", `,"size":1,"pad":"` + strings.Repeat("x", 512<<10) + `"`, "has 524533 bytes; at most 524288 are read"},
		{"as large as may be", `,"size":1` + strings.Repeat(" ", 512<<10-236), ""},
		{"deep", `,"size":` + nested(63), "is nested more than 64 levels deep"},
		{"very deep", `,"size":` + nested(9_990), "is nested more than 64 levels deep"},
		{"as deep as may be", `,"size":` + nested(62), "cannot be read: json: cannot unmarshal array into Go struct field .spec.size of type int"},
		{"brackets in a string", `,"size":"` + strings.Repeat(`[{\"`, 100) + `"`, "cannot be read: json: cannot unmarshal string into Go struct field .spec.size of type int"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw := object("hostile", 2026, spec(test.more))
			s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{raw, object("good", 2026, spec(""))})
			require.NoError(t, err)
			require.NoError(t, s.Of(gvk)[0].Err, "the others go on")
			o := s.Of(gvk)[1]
			require.Equal(t, "Thing ns/hostile", o.String())
			require.Equal(t, policy.ToGateway, o.AttachedTo(policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg"}))
			if test.err == "" {
				require.NoError(t, o.Err, "%d bytes", len(raw))
				return
			}
			require.EqualError(t, o.Err, test.err)
			require.Nil(t, policy.As[thing](o))
		})
	}
}

// TestLimitOfSelectors: selectors have the same limit as targets by name.
func TestLimitOfSelectors(t *testing.T) {
	for n, want := range map[int]string{16: "", 17: "has 17 target selectors; at most 16 are read"} {
		selectors := strings.TrimSuffix(strings.Repeat(`{"kind":"HTTPRoute"},`, n), ",")
		s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("a", 2026, `{"failurePolicy":"Ignore","targetSelectors":[`+selectors+`]}`)})
		require.NoError(t, err)
		o := s.Of(gvk)[0]
		require.Equal(t, "Ignore", o.FailurePolicy, "it is known even so")
		require.Equal(t, policy.ToRoute, o.AttachedTo(policy.TargetRef{Kind: "HTTPRoute", Namespace: "ns", Name: "r"}))
		if want != "" {
			require.EqualError(t, o.Err, want)
		}
	}
}

// TestLimitOfTargets: a policy with too many targets keeps them: all are denied.
func TestLimitOfTargets(t *testing.T) {
	for n, want := range map[int]string{16: "", 17: "has 17 targets; at most 16 are read"} {
		targets := strings.TrimSuffix(strings.Repeat(`{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"},`, n), ",")
		s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("a", 2026, `{"targetRefs":[`+targets+`]}`)})
		require.NoError(t, err)
		o := s.Of(gvk)[0]
		require.Len(t, o.Targets, n)
		if want == "" {
			require.NoError(t, o.Err)
		} else {
			require.EqualError(t, o.Err, want)
		}
	}
}

func TestFaultsAreCounted(t *testing.T) {
	many := policy.NewKind(gvk, func(*thing) (errs field.ErrorList) {
		for i := range 12 {
			errs = append(errs, field.Required(field.NewPath("f").Index(i), "x"))
		}
		return errs
	})
	s, err := policy.NewSet([]policy.Kind{many}, [][]byte{object("a", 2026, `{}`)})
	require.NoError(t, err)
	require.EqualError(t, s.Of(gvk)[0].Err, "[f[0]: Required value: x, f[1]: Required value: x, f[2]: Required value: x, f[3]: Required value: x, "+
		"f[4]: Required value: x, f[5]: Required value: x, f[6]: Required value: x, f[7]: Required value: x, f[8]: Required value: x, f[9]: Required value: x], and 2 more")
}

func TestLongFaultIsCut(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("a", 2026, `{"`+strings.Repeat("x", 10_000)+`":1}`)})
	require.NoError(t, err)
	require.Len(t, s.Of(gvk)[0].Err.Error(), 2048+len(" …"))
}

// TestRejectedObjectIsCut: megabytes of a rejected object are not kept.
func TestRejectedObjectIsCut(t *testing.T) {
	kinds := []policy.Kind{kind()}
	read := func(pad string) *policy.Object {
		s, err := policy.NewSet(kinds, [][]byte{object(strings.Repeat("n", 1000), 2026, spec(`,"pad":"`+strings.Repeat(pad, 1<<20)+`"`))})
		require.NoError(t, err)
		return s.Of(gvk)[0]
	}
	o, other := read("x"), read("y")
	require.Len(t, o.Name, 253)
	require.Less(t, len(o.Raw()), 1000)
	require.NotEqual(t, o.Raw(), other.Raw(), "of another object")
	require.NotEqual(t, o.Digest(), other.Digest())
}

// TestLimitOfObjects: the newest objects are rejected, in whatever order they are sent.
func TestLimitOfObjects(t *testing.T) {
	raw := [][]byte{object("new", 2026, spec(""))}
	for i := range 10_000 {
		raw = append(raw, object(fmt.Sprint(i), 2025, spec("")))
	}
	read := policy.ReadOf([]policy.Kind{kind()})
	cached := map[string]*policy.Object{}
	s, err := policy.ReadSet(func(b []byte) (*policy.Object, error) {
		o, err := read(b)
		cached[o.Name] = o
		return o, err
	}, raw)
	require.NoError(t, err)
	require.NoError(t, s.Of(gvk)[9_999].Err)
	last := s.Of(gvk)[10_000]
	require.Equal(t, "new", last.Name)
	require.EqualError(t, last.Err, "is one of 10001 in a call; only the 10000 oldest are read")
	require.Len(t, last.Targets, 1)
	require.NoError(t, cached["new"].Err, "another call may have the object, too")
}

// TestShadowObjects: objects with the effect Shadow are left out, and do not count toward the limit
// of enforced ones.
func TestShadowObjects(t *testing.T) {
	raw := [][]byte{object("new", 2026, spec("")), object("wrong", 2024, `{"effect":"Shadow","targetRefs":[],"wrong":1}`), object("none", 2024, spec(`,"effect":"shadow"`))}
	for i := range 9_998 {
		raw = append(raw, object(fmt.Sprint(i), 2025, spec("")), object(fmt.Sprint("shadow-", i), 2024, spec(`,"effect":"Shadow"`)))
	}
	s, err := policy.NewSet([]policy.Kind{kind()}, raw)
	require.NoError(t, err)
	require.Equal(t, 10_000, s.Len())
	require.NoError(t, s.Of(gvk)[9_999].Err)
	require.Len(t, s.Shadow(), 9_999)
	require.Len(t, s.WithShadow().Of(gvk), 19_999)
	require.Len(t, s.Of(gvk), 10_000, "the set is as it was")
}
