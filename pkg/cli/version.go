package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/version"
)

const versionLong = `Print the versions of egraft, Go and Envoy Gateway's protocol, and, for each feature that is
not built in, a line with its name, its module and the module's version.`

const versionExample = `  egraft version`

func newVersion(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of egraft, Go and Envoy Gateway's protocol", Long: versionLong, Example: versionExample, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version.Read()
			lines := []string{
				"egraft " + v.Version,
				"commit " + v.Commit,
				fmt.Sprintf("go %s %s/%s", v.Go, runtime.GOOS, runtime.GOARCH),
				"envoy gateway protocol " + v.EnvoyGateway,
			}
			for _, module := range p.modules() {
				lines = append(lines, "feature "+module)
			}
			return failed(p.printLines(lines))
		},
	}
}
