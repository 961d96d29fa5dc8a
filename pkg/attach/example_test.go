package attach_test

import (
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
)

// KeepalivePolicy is a custom resource. The type needs no field except its spec.
type KeepalivePolicy struct {
	Spec struct {
		v1alpha1.PolicyTargets `json:",inline"`
		// FailurePolicy is Deny or Ignore. egraft reads it from every policy that has the field.
		FailurePolicy v1alpha1.FailurePolicy `json:"failurePolicy,omitempty"`

		IdleSeconds uint32 `json:"idleSeconds"`
	} `json:"spec"`
}

// A policy that makes Envoy send TCP keepalives to the backends of its targets.
func ExampleClusterPolicy() {
	f := attach.ClusterPolicy[KeepalivePolicy]{
		Name:      "keepalive",
		Kind:      schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "KeepalivePolicy"},
		Targets:   func(p *KeepalivePolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		OnFailure: mutator.Ignore, // requests are also served without it
		Validate: func(p *KeepalivePolicy) (errs field.ErrorList) {
			if p.Spec.IdleSeconds == 0 {
				errs = append(errs, field.Required(field.NewPath("spec", "idleSeconds"), ""))
			}
			return errs
		},
		Edit: func(p *KeepalivePolicy, c *clusterv3.Cluster) (attach.Change, error) {
			c.UpstreamConnectionOptions = &clusterv3.UpstreamConnectionOptions{
				TcpKeepalive: &corev3.TcpKeepalive{KeepaliveTime: wrapperspb.UInt32(p.Spec.IdleSeconds)},
			}
			return attach.Modified, nil
		},
		Describe: func(p *KeepalivePolicy, clusters int) string {
			return fmt.Sprintf("keepalive after %d s in %d clusters", p.Spec.IdleSeconds, clusters)
		},
	}.Feature()

	fmt.Println(f.Name, f.Policies[0].Kind)
	fmt.Println(strings.Trim(fmt.Sprint(f.Hooks), "[]"))
	// Output:
	// keepalive KeepalivePolicy
	// Route Translation
}
