package attach_test

import (
	"fmt"
	"testing"

	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

// faults is a filter that sets an upstream cluster; a thing named plain only enables it.
func faults(inert bool) mutator.Feature {
	return attach.HTTPFilter[thing]{
		Name: "faults", Kind: gvk, Resource: "things", OnFailure: mutator.Ignore,
		Validate: func(t *thing) (errs field.ErrorList) {
			if t.Spec.Wrong {
				errs = append(errs, field.Invalid(field.NewPath("spec", "wrong"), true, "must be false"))
			}
			return errs
		},
		Filter: "envoy.filters.http.fault/thing", Position: httpfilter.At(httpfilter.Fault), Config: &faultv3.HTTPFault{}, Inert: inert,
		PerRoute: func(t *thing) (proto.Message, error) {
			if t.Name == "plain" {
				return nil, nil
			}
			return &faultv3.HTTPFault{UpstreamCluster: t.Name}, nil
		},
		Describe: func(t *thing) string { return fmt.Sprintf("faults, wrong: %t", t.Spec.Wrong) },
	}.Feature()
}

// TestHTTPFilter: outcomes of custom resources in both hooks.
func TestHTTPFilter(t *testing.T) {
	mutatortest.Run(t, "testdata/httpfilter", func() mutator.Feature { return faults(false) })
}

// TestHTTPFilterIncomplete: a feature without its required fields is rejected at start.
func TestHTTPFilterIncomplete(t *testing.T) {
	require.NoError(t, mutator.Validate([]mutator.Feature{faults(false)}))
	incomplete := attach.HTTPFilter[thing]{Name: "faults", Kind: gvk, Filter: "f"}.Feature()
	require.EqualError(t, mutator.Validate([]mutator.Feature{incomplete}), `feature "faults": attach.HTTPFilter: set Resource, Config, Describe`)
}

func TestInertHTTPFilter(t *testing.T) {
	mutatortest.Run(t, "testdata/httpfilter-inert", func() mutator.Feature { return faults(true) })
}
