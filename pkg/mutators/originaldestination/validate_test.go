package originaldestination

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// TestHeaderNames: a header that is a source is removed from the requests of everybody's
// routes, so it must be none that they need.
func TestHeaderNames(t *testing.T) {
	const (
		own     = ": must not be a header of Envoy's or egraft's own"
		others  = ": must have the word destination or original-dst in it, because the header is removed from the requests of all routes of the listener"
		pattern = ": must match ^x-[a-z0-9]+(-[a-z0-9]+)*$"
	)
	for name, want := range map[string]string{
		"x-gateway-destination-endpoint": "",
		"x-ai-eg-original-dst":           "",
		"x-original-dst-host":            "",
		"x-destination":                  "",
		"x-api-key":                      others,
		"x-request-id":                   others,
		"x-forwarded-for":                others,
		"x-predestination":               others,
		"x-destinations":                 others,
		"x-original-x-dst":               others,
		"x-envoy-original-dst-host":      own,
		"x-egraft-destination":           own,
		"X-Destination":                  pattern,
		"authorization":                  pattern,
		"host":                           pattern,
		":authority":                     pattern,
		"destination":                    pattern,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := policy.NewSet(New().Backends, [][]byte{fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"OriginalDestinationBackend","metadata":{"name":"pool"},`+
				`"spec":{"allowedCIDRs":["10.0.0.0/8"],"source":{"header":{"name":%q,"filter":"envoy.filters.http.ext_proc"}}}}`, name)})
			require.NoError(t, err)
			o := set.Of(gvk)[0]
			if want == "" {
				require.NoError(t, o.Err)
				return
			}
			require.ErrorContains(t, o.Err, fmt.Sprintf("spec.source.header.name: Invalid value: %q%s", name, want))
		})
	}
}
