package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/pkg/policy"
)

// asServed is a thing as Envoy Gateway sends it: with fields that the API server and Envoy Gateway
// write, and with metadata and status fields that are newer than this program.
const asServed = `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x","namespace":"ns","uid":"u","generation":1,"resourceVersion":"5",
	"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b"},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"},"selfLink":"/x",
	"managedFields":[{"manager":"kubectl","operation":"Apply","fieldsV1":{"f:spec":{}}}],"finalizers":["f"],"newer":{"field":1}},
	"spec":{"size":3},"status":{"ancestors":[{"ancestorRef":{"name":"eg"},"controllerName":"c","conditions":[],"newer":1}],"observed":true}}`

type onlySpec struct {
	Spec struct {
		Size int `json:"size"`
	} `json:"spec"`
}

// TestKindWithSpecAlone: authors of kinds need not declare metadata and status. A type that
// declares them decodes the same.
func TestKindWithSpecAlone(t *testing.T) {
	s, err := policy.NewSet([]policy.Kind{policy.NewKind[onlySpec](gvk, nil)}, [][]byte{[]byte(asServed)})
	require.NoError(t, err)
	o := s.Of(gvk)[0]
	require.NoError(t, o.Err)
	require.Equal(t, 3, policy.As[onlySpec](o).Spec.Size)
	c, err := o.Encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"size":3}`, string(c.Content))

	type mistyped struct {
		metav1.ObjectMeta `json:"metadata"`
		onlySpec
		Status []string `json:"status"`
	}
	s, err = policy.NewSet([]policy.Kind{policy.NewKind[mistyped](gvk, nil)}, [][]byte{[]byte(asServed)})
	require.NoError(t, err)
	o = s.Of(gvk)[0]
	require.NoError(t, o.Err, "the status is not read")
	require.Equal(t, "ns", policy.As[mistyped](o).Namespace)
}

// TestKindIsStrictElsewhere: only metadata and status may have fields that the type lacks.
func TestKindIsStrictElsewhere(t *testing.T) {
	for name, c := range map[string]struct{ from, to, err string }{
		"spec":               {`"size":3`, `"size":3,"sise":1`, `unknown field "spec.sise"`},
		"beside the spec":    {`"spec":`, `"sepc":{},"spec":`, `unknown field "sepc"`},
		"spec twice":         {`"spec":`, `"spec":{},"spec":`, `duplicate field "spec"`},
		"status, wrong case": {`"status":`, `"Status":`, `unknown field "Status"`},
		"metadata twice":     {`"spec":`, `"metadata":{"name":"y"},"spec":`, `duplicate field "metadata"`},
	} {
		t.Run(name, func(t *testing.T) {
			raw := strings.Replace(asServed, c.from, c.to, 1)
			s, err := policy.NewSet([]policy.Kind{policy.NewKind[onlySpec](gvk, nil)}, [][]byte{[]byte(raw)})
			require.NoError(t, err)
			require.EqualError(t, s.Of(gvk)[0].Err, "cannot be read: "+c.err)
		})
	}
}
