package cli

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// kubectl finds its plugins, and the programs that complete their arguments, by name.
// https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
const (
	pluginName     = "kubectl-egraft"
	completionName = "kubectl_complete-egraft"
)

// invocation returns the name by which the program was called, and its arguments.
func invocation(argv []string) (name string, args []string) {
	switch strings.TrimSuffix(filepath.Base(argv[0]), ".exe") {
	case pluginName:
		return "kubectl egraft", argv[1:]
	case completionName:
		return "kubectl egraft", append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	default:
		return "egraft", argv[1:]
	}
}
