package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/version"
)

const versionExample = `  egraft version`

func newVersion(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of egraft, Go and Envoy Gateway's protocol", Example: versionExample, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version.Read()
			_, err := fmt.Fprintf(p.stdout, "egraft %s\ncommit %s\ngo %s %s/%s\nenvoy gateway protocol %s\n",
				v.Version, v.Commit, v.Go, runtime.GOOS, runtime.GOARCH, v.EnvoyGateway)
			return failed(err)
		},
	}
}
