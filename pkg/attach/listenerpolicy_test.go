package attach_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

// headerSize is a policy that limits the size of a request's headers.
type headerSize struct {
	Spec struct {
		v1alpha1.PolicyTargets `json:",inline"`
		FailurePolicy          v1alpha1.FailurePolicy `json:"failurePolicy,omitempty"`
		KiB                    uint32                 `json:"kib"`
	} `json:"spec"`
}

// headerSizes is a feature of such policies. 0 is invalid, and 1 cannot be applied.
func headerSizes() mutator.Feature {
	return attach.ListenerPolicy[headerSize]{
		Name: "header-size", Kind: schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "HeaderSize"}, OnFailure: mutator.Ignore,
		Targets: func(p *headerSize) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		Validate: func(p *headerSize) (errs field.ErrorList) {
			if p.Spec.KiB == 0 {
				errs = append(errs, field.Required(field.NewPath("spec", "kib"), ""))
			}
			return errs
		},
		HTTPConnectionManager: func(p *headerSize, hcm *hcmv3.HttpConnectionManager) error {
			hcm.MaxRequestHeadersKb = wrapperspb.UInt32(p.Spec.KiB)
			if p.Spec.KiB == 1 {
				return errors.New("is too little")
			}
			return nil
		},
		Describe: func(p *headerSize, listeners []string) string {
			return fmt.Sprintf("request headers of up to %d KiB; listeners: %s", p.Spec.KiB, strings.Join(listeners, ", "))
		},
	}.Feature()
}

func TestListenerPolicy(t *testing.T) { mutatortest.Run(t, "testdata/listenerpolicy", headerSizes) }
