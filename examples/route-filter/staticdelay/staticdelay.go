// Package staticdelay implements StaticDelayFilter: Envoy delays a share of the requests of a rule
// before it sends them to a backend.
//
// +groupName=example.com
// +versionName=v1alpha1
package staticdelay

import (
	_ "embed"
	"fmt"

	commonfaultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/fault/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
)

//go:embed example.com_staticdelayfilters.yaml
var crd []byte

// Features returns the feature with its CRD, for a build of egraft.
func Features() []feature.Registration {
	return []feature.Registration{feature.New(New).WithCRDs(crd)}
}

// New returns the feature.
func New() mutator.Feature {
	return attach.HTTPFilter[StaticDelayFilter]{
		Name:      "static-delay",
		Kind:      GroupVersion.WithKind("StaticDelayFilter"),
		Resource:  "staticdelayfilters",
		OnFailure: mutator.Ignore, // a missing delay is no reason to reject requests
		Validate:  validate,
		Filter:    string(httpfilter.Fault) + "/static-delay",
		Position:  httpfilter.At(httpfilter.Fault),
		Config:    &faultv3.HTTPFault{},
		PerRoute:  delay,
		Describe: func(f *StaticDelayFilter) string {
			return fmt.Sprintf("%d %% of the requests are delayed by %s", *f.Spec.Percent, f.Spec.Delay.Duration)
		},
	}.Feature()
}

func validate(f *StaticDelayFilter) (errs field.ErrorList) {
	at := field.NewPath("spec")
	if f.Spec.Delay.Duration <= 0 {
		errs = append(errs, field.Invalid(at.Child("delay"), f.Spec.Delay, "must be more than 0s"))
	}
	if f.Spec.Percent == nil {
		f.Spec.Percent = new(int32(100))
	}
	if *f.Spec.Percent < 0 || *f.Spec.Percent > 100 {
		errs = append(errs, field.Invalid(at.Child("percent"), *f.Spec.Percent, "must be from 0 to 100"))
	}
	return errs
}

func delay(f *StaticDelayFilter) (proto.Message, error) {
	return &faultv3.HTTPFault{Delay: &commonfaultv3.FaultDelay{
		FaultDelaySecifier: &commonfaultv3.FaultDelay_FixedDelay{FixedDelay: durationpb.New(f.Spec.Delay.Duration)},
		Percentage:         &typev3.FractionalPercent{Numerator: uint32(*f.Spec.Percent)}, //nolint:gosec // validated
	}}, nil
}
