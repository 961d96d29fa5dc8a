// Package buffer implements BufferPolicy: Envoy buffers requests until they are complete, or limits
// how much of them its filters buffer.
//
// In the Route hook, it sets the policy of a route on the route, and adds the policies as a metadata
// entry. In the Translation hook, it sets the policy of a Gateway or listener on the listener's virtual
// hosts, and inserts the buffer filter into the HTTP connection managers that need it, turned off
// unless a route or virtual host turns it on. It must not change listeners or routes without a policy.
// See README.md.
package buffer

import (
	"cmp"
	"fmt"
	"math"

	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "buffer"

// DefaultMaxBytes is the default limit for maxRequestBytes: enough for common uploads, and one eighth
// of the memory that Envoy Gateway requests for an Envoy.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/shared_types.go
const DefaultMaxBytes = 64 << 20

// New returns the feature. Policies with a maxRequestBytes above maxBytes are invalid; 0 is
// [DefaultMaxBytes].
func New(maxBytes int64) mutator.Feature {
	maxBytes = cmp.Or(maxBytes, DefaultMaxBytes)
	return attach.RoutePolicy[v1alpha1.BufferPolicy]{
		Name:        Name,
		Kind:        v1alpha1.GroupVersion.WithKind(v1alpha1.KindBufferPolicy),
		Targets:     func(p *v1alpha1.BufferPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		OnFailure:   mutator.Ignore,
		Validate:    validator(maxBytes),
		Route:       setRoute,
		VirtualHost: setVirtualHost,
		Filter:      filterName,
		Position:    httpfilter.At(httpfilter.Buffer),                                     // after authentication, so that unauthenticated clients cannot make Envoy hold bodies
		Config:      &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(math.MaxUint32)}, // the field is required; this value never applies
		Default:     off(),
		NeedsFilter: buffers,
		Describe:    describe,
	}.Feature()
}

// buffers reports whether the policy needs the filter.
func buffers(p *v1alpha1.BufferPolicy) bool {
	return !p.Spec.Disabled && p.Spec.Mode == v1alpha1.BufferFull
}

func describe(p *v1alpha1.BufferPolicy, routes int) string {
	s, text, native := &p.Spec, "requests are not buffered", ""
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		text = fmt.Sprintf("filters buffer up to %s of a request, or the connection's limit if that is larger", s.MaxRequestBytes)
		native = "; a later Envoy Gateway can do this natively, by requestBuffer.mode of a BackendTrafficPolicy"
	default:
		text = fmt.Sprintf("requests of up to %s are buffered until they are complete", s.MaxRequestBytes)
		native = "; Envoy Gateway can do this natively, by requestBuffer of a BackendTrafficPolicy"
	}
	return fmt.Sprintf("%s; routes: %d%s", text, routes, native)
}
