package originaldestination

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// TestHeaderNames: the header of a source is removed only from requests of the backend's own
// routes, so every name is valid except those of Envoy and egraft.
func TestHeaderNames(t *testing.T) {
	const (
		own     = ": must not be a header of Envoy's or egraft's own"
		pattern = ": must match ^x-[a-z0-9]+(-[a-z0-9]+)*$"
	)
	for name, want := range map[string]string{
		"x-gateway-destination-endpoint": "",
		"x-ai-eg-original-dst":           "",
		"x-original-dst-host":            "",
		"x-destination":                  "",
		"x-api-key":                      "",
		"x-request-id":                   "",
		"x-forwarded-for":                "",
		"x-predestination":               "",
		"x-destinations":                 "",
		"x-original-x-dst":               "",
		"x-envoy-original-dst-host":      own,
		"x-egraft-destination":           own,
		"X-Destination":                  pattern,
		"authorization":                  pattern,
		"host":                           pattern,
		":authority":                     pattern,
		"destination":                    pattern,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := policy.NewSet(New(true).Backends, [][]byte{fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"OriginalDestinationBackend","metadata":{"name":"pool"},`+
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
