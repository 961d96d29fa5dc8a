package version

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPrecedes(t *testing.T) {
	for release, want := range map[string]bool{
		"v1.8.0": true, "1.8.12": true, "v1.8.0-rc.1": true, "v0.9.9": true, "v1.9.0": false, "v1.9.0-rc.1": false, "v1.10.0": false, "v2.0.0": false,
		"latest": false, "": false, "v1": false, "v1.x.0": false,
	} {
		assert.Equal(t, want, Precedes(release, RouteTargets), release)
	}
}
