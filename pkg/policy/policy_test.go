package policy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/policy"
)

var gvk = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}

// thing is the kind of policy in the tests.
type thing struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		TargetRefs      []policy.Target `json:"targetRefs"`
		TargetSelectors []any           `json:"targetSelectors"`
		FailurePolicy   string          `json:"failurePolicy"`
		Size            int             `json:"size"`
		Pad             string          `json:"pad,omitempty"`
	} `json:"spec"`
}

func kind() policy.Kind {
	return policy.NewKind(gvk, func(o *thing) field.ErrorList {
		if o.Spec.Size < 0 {
			return field.ErrorList{field.Invalid(field.NewPath("spec", "size"), o.Spec.Size, "must not be negative")}
		}
		return nil
	})
}

// object returns a thing as JSON, with the spec, and created in the year unless it is 0.
func object(name string, year int, spec string) []byte {
	created := ""
	if year != 0 {
		created = fmt.Sprintf(`,"creationTimestamp":"%d-01-01T00:00:00Z"`, year)
	}
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":%q%s},"spec":%s}`, name, created, spec)
}

func TestSetIsOrdered(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{
		object("c", 2026, `{}`), object("b", 2025, `{}`), object("a", 2026, `{}`), object("z", 0, `{}`),
		[]byte(`{"apiVersion":"example.com/v2","kind":"Thing","metadata":{"name":"other version"}}`),
	})
	require.NoError(t, err)
	var names []string
	for _, o := range s.Of(gvk) {
		names = append(names, o.Name)
	}
	require.Equal(t, []string{"z", "b", "a", "c"}, names, "the older first, then by name; a file has no age and counts as the oldest")
	all := s.Of(gvk)
	require.Equal(t, "Thing ns/b is older", all[1].Precedence(all[2]))
	require.Equal(t, "Thing ns/a is as old and comes first by name", all[2].Precedence(all[3]))
	require.Equal(t, 4, s.Len())
	require.Empty(t, s.Of(schema.GroupVersionKind{}))
}

func TestObjectsThatCannotBeUsed(t *testing.T) {
	target := `"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}]`
	for name, c := range map[string]struct{ spec, err string }{
		"unknown field":   {`{` + target + `,"sise":1}`, `cannot be read: unknown field "spec.sise"`},
		"wrong case":      {`{` + target + `,"Size":1}`, `cannot be read: unknown field "spec.Size"`},
		"duplicate field": {`{` + target + `,"size":1,"size":2}`, `cannot be read: duplicate field "spec.size"`},
		"wrong type":      {`{` + target + `,"size":"1"}`, "cannot be read: json: cannot unmarshal string into Go struct field .spec.size of type int"},
		"contradiction":   {`{` + target + `,"size":-1}`, `spec.size: Invalid value: -1: must not be negative`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("x", 0, c.spec)})
			require.NoError(t, err)
			o := s.Of(gvk)[0]
			require.EqualError(t, o.Err, c.err)
			require.Nil(t, policy.As[thing](o))
			require.Equal(t, "Thing ns/x", o.String(), "its name and its targets are known even so")
			require.Equal(t, policy.ToGateway, o.AttachedTo(policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg"}))
		})
	}
}

// TestMistypedTarget has one unreadable target and one readable target.
func TestMistypedTarget(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("x", 0,
		`{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":5},{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}]}`)})
	require.NoError(t, err)
	o := s.Of(gvk)[0]
	require.Error(t, o.Err)
	require.Equal(t, policy.ToGateway, o.AttachedTo(policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg"}))
}

func TestNoObjectAtAll(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{[]byte("{"), object("fine", 0, `{}`)})
	require.EqualError(t, err, "read custom resource: unexpected end of JSON input")
	require.Equal(t, 1, s.Len(), "the rest is there")
}

// TestIdentity: the fields by which Kubernetes distinguishes versions of an object stay when it is
// passed from one hook to another.
func TestIdentity(t *testing.T) {
	raw := []byte(`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x","uid":"u","generation":7},"spec":{}}`)
	for conditions, k := range map[string]policy.Kind{"": kind(), "things": kind().WithConditions("things")} {
		s, err := policy.NewSet([]policy.Kind{k}, [][]byte{raw})
		require.NoError(t, err)
		o := s.Of(gvk)[0]
		for _, o := range []*policy.Object{o, carried(t, k, o)} {
			require.EqualValues(t, "u", o.UID)
			require.EqualValues(t, 7, o.Generation)
			require.Equal(t, conditions, o.ConditionsOf)
		}
		require.Equal(t, conditions != "", k.HasConditions())
	}
}

func TestTyped(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("x", 0, `{"size":3}`)})
	require.NoError(t, err)
	require.Equal(t, 3, policy.As[thing](s.Of(gvk)[0]).Spec.Size)
	require.Nil(t, policy.As[struct{}](s.Of(gvk)[0]))
}

// carried returns the object as decoded in another hook.
func carried(t *testing.T, k policy.Kind, o *policy.Object) *policy.Object {
	t.Helper()
	c, err := o.Encode()
	require.NoError(t, err)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var read policy.Encoded
	require.NoError(t, json.Unmarshal(text, &read))
	restored, err := k.Decode(read)
	require.NoError(t, err)
	return restored
}

func TestCarried(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{object("x", 2026, `{"size":3}`)})
	require.NoError(t, err)
	o := s.Of(gvk)[0]
	c := carried(t, kind(), o)
	require.Equal(t, o.String(), c.String())
	require.True(t, o.Created.Equal(c.Created))
	require.Equal(t, 3, policy.As[thing](c).Spec.Size)
}

// TestCarriedIsSmall: labels, annotations, targets and status are not encoded.
func TestCarriedIsSmall(t *testing.T) {
	k := policy.EncodeWithout(kind(), func(x *thing) { x.Spec.Pad = "" })
	s, err := policy.NewSet([]policy.Kind{k}, [][]byte{[]byte(`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x","namespace":"ns","labels":{"long":"label"},"annotations":{"long":"annotation"}},` +
		`"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"target"}],"size":3,"pad":"long","failurePolicy":"Deny"}}`)})
	require.NoError(t, err)
	o := s.Of(gvk)[0]
	require.NoError(t, o.Err)
	c, err := o.Encode()
	require.NoError(t, err)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"ns/x","failurePolicy":"Deny","spec":{"size":3}}`, string(text))
	require.Equal(t, "long", policy.As[thing](o).Spec.Pad, "the object itself is as it was")
	identity := o.Identity()
	require.Empty(t, identity.Content)
	restored, err := k.Decode(identity)
	require.NoError(t, err)
	require.Nil(t, policy.As[thing](restored))
	require.NoError(t, restored.Err)
	_, err = k.Decode(policy.Encoded{Name: "x"})
	require.EqualError(t, err, `encoded object "x": not namespace/name`)
}

// TestRawForgetsWhatDoesNotMatter: otherwise a status update would change the xDS.
func TestRawForgetsWhatDoesNotMatter(t *testing.T) {
	read := func(raw string) *policy.Object {
		s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{[]byte(raw)})
		require.NoError(t, err)
		return s.Of(gvk)[0]
	}
	before := read(`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x"},"spec":{}}`)
	after := read(`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x","resourceVersion":"5","managedFields":[],"annotations":{"a":"b"}},"spec":{},"status":{"ancestors":[]}}`)
	require.Equal(t, before.Raw(), after.Raw())
}
