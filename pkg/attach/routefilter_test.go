package attach_test

import (
	"errors"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
)

// named is a filter that gives routes a name, which must not be "taken".
func named(key func(*mutator.Input) string) mutator.Feature {
	return attach.RouteFilter[thing]{
		Name: "named", Kind: gvk, Resource: "things", OnFailure: mutator.Ignore, Key: key,
		Validate: func(t *thing) (errs field.ErrorList) {
			if t.Spec.Wrong {
				errs = append(errs, field.Invalid(field.NewPath("spec", "wrong"), true, "must be false"))
			}
			return errs
		},
		Edit: func(_ *mutator.Input, t *thing, r *routev3.Route) error {
			if r.GetName() == "taken" {
				return errors.New("the route has a name")
			}
			r.Name = t.Name
			return nil
		},
		Describe: func(t *thing) string { return "routes are called " + t.Name },
	}.Feature()
}

// TestRouteFilter: the filter with precedence edits the route, and the outcomes of the others name
// the reason.
func TestRouteFilter(t *testing.T) {
	for name, c := range map[string]struct {
		filters   []string
		route     string
		onFailure mutator.FailurePolicy
		want, err string
		said      []string
	}{
		"none":    {},
		"one":     {[]string{"a"}, "", mutator.Ignore, "a", "", []string{"a Programmed: routes are called a"}},
		"two":     {[]string{"a,Deny", "b"}, "", mutator.Deny, "a", "", []string{"a Programmed: routes are called a", "b Conflicted: Thing n/a is as old and comes first by name and is a filter of the same rule"}},
		"invalid": {[]string{"wrong"}, "", mutator.Ignore, "", "Thing n/wrong: spec.wrong: Invalid value: true: must be false", []string{"wrong Invalid: spec.wrong: Invalid value: true: must be false"}},
		"no edit": {[]string{"a"}, "taken", mutator.Ignore, "taken", "Thing n/a: the route has a name", []string{"a Programmed: routes are called a"}},
	} {
		t.Run(name, func(t *testing.T) {
			set, _ := things(t, c.filters...)
			in := &mutator.Input{Hook: mutator.HookRoute, Objects: set}
			f := named(nil)
			require.NoError(t, mutator.Validate([]mutator.Feature{f}))
			r := &routev3.Route{Name: c.route}
			plan := f.Routes.Plan(in, nil)
			require.Equal(t, len(c.filters) > 0, plan != nil)
			if plan != nil {
				require.Equal(t, c.onFailure, plan.OnFailure)
				if err := plan.Edit(t.Context(), r); c.err == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, c.err)
				}
			}
			require.Equal(t, c.want, r.GetName())
			var said []string
			for _, o := range f.Reporter.Report(in) {
				said = append(said, o.Policy.Name+" "+string(o.Reason)+": "+o.Message)
			}
			require.Equal(t, c.said, said)
		})
	}
}

// TestRouteFilterKey: the cache key depends on the filter and on what else Edit reads.
func TestRouteFilterKey(t *testing.T) {
	key := func(f mutator.Feature, names ...string) string {
		set, _ := things(t, names...)
		return *f.Routes.Plan(&mutator.Input{Hook: mutator.HookRoute, Objects: set}, nil).CacheKey
	}
	plain, other := named(nil), named(func(in *mutator.Input) string { return string(in.Hook) })
	require.Equal(t, key(plain, "a"), key(plain, "a", "b"))
	require.NotEqual(t, key(plain, "a"), key(plain, "b"))
	require.NotEqual(t, key(plain, "a"), key(other, "a"))
}
