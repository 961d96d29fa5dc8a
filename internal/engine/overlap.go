package engine

import (
	"bytes"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

// sameMatches reports whether the filter chains of a listener have the same matches as before, as
// they nearly always do.
func sameMatches(before, now []byte) bool {
	return slices.EqualFunc(matches(before), matches(now), bytes.Equal)
}

// matches returns the matches of the filter chains, nil for a chain without one.
func matches(listener []byte) (out [][]byte) {
	fields{3}.each(listener, func(chain []byte) {
		out = append(out, bytes.Join(fields{1}.all(chain), nil)) // the wire format merges several values of a message field
	})
	return out
}

// overlapping returns two filter chains that match the same connections equally well, or nil if
// there are none or the listener cannot be decoded.
func overlapping(listener []byte) (one, other *listenerv3.FilterChain) {
	l := &listenerv3.Listener{}
	if proto.Unmarshal(listener, l) != nil {
		return nil, nil
	}
	return xds.OverlappingFilterChains(l)
}
