package deploy

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write values.yaml")

// values maps the folder of each values.yaml to the flags of `egraft config envoy-gateway` for it.
var values = map[string][]string{
	"helm":       nil,
	"deployment": {"--service-address", address, "--ca-secret", "egraft-system/egraft-ca", "--client-secret", "egraft-system/egraft-client"},
	"host":       {"--service-address", "egraft.example.com:9443", "--ca-secret", "egraft-ca", "--client-secret", "egraft-client"},
}

func TestValuesAreEgrafts(t *testing.T) {
	for folder, args := range values {
		t.Run(folder, func(t *testing.T) {
			want := egraft(t, append([]string{"config", "envoy-gateway", "--format", "helm"}, args...)...)
			if *update {
				require.NoError(t, os.WriteFile(folder+"/values.yaml", []byte(want), 0o644))
			}
			require.Equal(t, want, read(t, folder+"/values.yaml"), "write it again with `make generate`")
		})
	}
}
