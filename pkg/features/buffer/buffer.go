// Package buffer implements BufferPolicy: Envoy holds requests until they are complete, or
// limits what its filters hold of them.
//
// In the Route hook it writes what a route's policy says onto the route, and leaves the
// policies as an entry. In the Translation hook it writes what the policy of a Gateway or
// listener says onto the listener's virtual hosts, and puts the buffer filter, switched off
// unless a route or virtual host switches it on, into the HTTP connection managers that
// need it. It must not change what belongs to a listener or route without a policy.
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

// DefaultMaxBytes is the most that policies may have Envoy hold of a request unless the operator
// says otherwise: what common uploads need, and an eighth of the memory that Envoy Gateway
// requests for an Envoy.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/shared_types.go
const DefaultMaxBytes = 64 << 20

// New returns the feature. Policies that would have Envoy hold more than maxBytes of a request
// are invalid; 0 is [DefaultMaxBytes].
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
		Position:    httpfilter.At(httpfilter.Buffer),                                     // behind authentication, so that nobody unknown makes Envoy hold bodies
		Config:      &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(math.MaxUint32)}, // there has to be one, which is never in effect
		Default:     off(),
		NeedsFilter: buffers,
		Describe:    describe,
	}.Feature()
}

// buffers tells whether the policy needs the filter.
func buffers(p *v1alpha1.BufferPolicy) bool {
	return !p.Spec.Disabled && p.Spec.Mode == v1alpha1.BufferFull
}

func describe(p *v1alpha1.BufferPolicy, routes int) string {
	s, text := &p.Spec, "requests are not buffered"
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		text = fmt.Sprintf("filters hold up to %s of a request, or as much as the connection may if that is more", s.MaxRequestBytes)
	default:
		text = fmt.Sprintf("requests of up to %s are held until they are complete", s.MaxRequestBytes)
	}
	return fmt.Sprintf("%s; routes: %d", text, routes)
}
