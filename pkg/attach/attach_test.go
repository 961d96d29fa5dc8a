package attach_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

var gvk = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}

type thing struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		FailurePolicy string `json:"failurePolicy"`
		Wrong         bool   `json:"wrong"`
	} `json:"spec"`
}

var kind = policy.NewKind(gvk, func(t *thing) (errs field.ErrorList) {
	if t.Spec.Wrong {
		errs = append(errs, field.Invalid(field.NewPath("spec", "wrong"), true, "must be false"))
	}
	return errs
})

// things returns policies of the same age. Names that begin with "wrong" are invalid; a failure
// policy follows a comma.
func things(t *testing.T, names ...string) (*policy.Set, map[string]*policy.Object) {
	t.Helper()
	var raw [][]byte
	for _, name := range names {
		name, onFailure, _ := strings.Cut(name, ",")
		raw = append(raw, fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"n","name":%q},"spec":{"failurePolicy":%q,"wrong":%t}}`,
			name, onFailure, name[0] == 'w'))
	}
	set, err := policy.NewSet([]policy.Kind{kind}, raw)
	require.NoError(t, err)
	byName := map[string]*policy.Object{}
	for _, o := range set.Of(gvk) {
		byName[o.Name] = o
	}
	require.Len(t, byName, len(names))
	return set, byName
}

// TestEffective: which policy is effective if the first one is invalid.
func TestEffective(t *testing.T) {
	for name, c := range map[string]struct {
		attached  []string
		onFailure mutator.FailurePolicy
		want      string
	}{
		"none":                            {nil, mutator.Deny, ""},
		"the first":                       {[]string{"a", "b"}, mutator.Deny, "a"},
		"invalid, which denies":           {[]string{"wrong", "b"}, mutator.Deny, "wrong"},
		"invalid, which is ignored":       {[]string{"wrong", "b"}, mutator.Ignore, "b"},
		"invalid, which says Deny":        {[]string{"wrong,Deny", "b"}, mutator.Ignore, "wrong"},
		"invalid, which says Ignore":      {[]string{"wrong,Ignore", "b"}, mutator.Deny, "b"},
		"invalid, which says neither":     {[]string{"wrong,Fail", "b"}, mutator.Ignore, "b"},
		"all are invalid and are ignored": {[]string{"wrong", "worse"}, mutator.Ignore, ""},
		"the second denies":               {[]string{"wrong", "worse,Deny"}, mutator.Ignore, "worse"},
	} {
		t.Run(name, func(t *testing.T) {
			_, all := things(t, c.attached...)
			var attached []policy.Attachment
			for _, n := range c.attached {
				n, _, _ = strings.Cut(n, ",")
				attached = append(attached, policy.Attachment{Object: all[n]})
			}
			got := ""
			if w := attach.Effective(attached, c.onFailure); w != nil {
				got = w.Name
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestReport: policies with different outcomes on three targets.
func TestReport(t *testing.T) {
	set, all := things(t, "a", "b", "c", "d", "wrong", "worse,Ignore", "limited")
	to := func(s policy.Specificity, names ...string) (out []policy.Attachment) {
		for _, n := range names {
			out = append(out, policy.Attachment{Object: all[n], Specificity: s})
		}
		return out
	}
	past := *all["limited"]
	past.Err = errors.New("is too much")
	r := attach.Reporter{
		Kind: gvk, OnFailure: mutator.Deny, NoTarget: "no target",
		Targets: func(*mutator.Input) iter.Seq[attach.Target] {
			return slices.Values([]attach.Target{
				{Attached: slices.Concat(to(policy.ToRoute, "a"), to(policy.ToGateway, "b", "c", "limited")), Resources: 2, Name: "x"},
				{Attached: slices.Concat(to(policy.ToRoute, "worse"), to(policy.ToGateway, "b", "c")), Resources: 3, Name: "y"},
				{Attached: to(policy.ToRoute, "b", "a"), Resources: 4, Name: "z"},
			})
		},
		Describe: func(o *policy.Object, t *attach.Tally) string {
			return fmt.Sprint("in effect on ", t.Resources, t.Names, t.Elsewhere(o))
		},
		Failure: func(_ *mutator.Input, o *policy.Object, r mutator.Reason) string {
			if o.Name == "d" {
				return "cannot be applied where it would be " + string(r)
			}
			return ""
		},
		Denied: func(*mutator.Input) map[string]*policy.Object {
			return map[string]*policy.Object{past.String(): &past}
		},
	}
	said := func(hook mutator.Hook) (out []string) {
		for _, o := range r.Report(&mutator.Input{Hook: hook, Objects: set}) {
			out = append(out, o.Policy.Name+" "+string(o.Reason)+": "+o.Message)
		}
		return out
	}
	wrong := []string{
		"worse Invalid: spec.wrong: Invalid value: true: must be false; its targets are served without it",
		"wrong Invalid: spec.wrong: Invalid value: true: must be false; requests to its targets are rejected",
	}
	require.Equal(t, append([]string{
		"a Programmed: in effect on 2 [x]; elsewhere Thing n/b is as old and comes first by name",
		"b Programmed: in effect on 7 [y z]",
		"c Conflicted: Thing n/b is as old and comes first by name and has the same target",
		"d ApplyFailed: cannot be applied where it would be TargetNotFound",
		"limited Invalid: is too much; requests to its targets are rejected",
	}, wrong...), said(mutator.HookTranslation))
	require.Equal(t, append([]string{"a : ", "b : ", "c : ", "d : ", "limited : "}, wrong...), said(mutator.HookRoute), "pending, unless the route fails")

	r.Denied = nil
	r.Targets = func(*mutator.Input) iter.Seq[attach.Target] {
		return slices.Values([]attach.Target{{Attached: slices.Concat(to(policy.ToRoute, "a"), to(policy.ToGateway, "b"))}})
	}
	got := said(mutator.HookTranslation)
	require.Contains(t, got, "b Overridden: Thing n/a has a more specific target and overrides this policy everywhere")
	require.Contains(t, got, "c TargetNotFound: no target, or Envoy Gateway does not include routes in the Translation hook")
}
