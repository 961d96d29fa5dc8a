package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/terminal"
)

// place holds the flags that select a cluster, in addition to --kubeconfig.
type place struct {
	context, egraftNamespace, gatewayNamespace string
	// local and remote report whether the flags select this host, or a cluster.
	local, remote bool
}

func (w *place) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.context, "context", "", "context of the kubeconfig; if empty, the current one")
	cmd.Flags().StringVar(&w.egraftNamespace, "egraft-namespace", "", "namespace of egraft's pods; if empty, all namespaces")
	cmd.Flags().StringVar(&w.gatewayNamespace, "envoy-gateway-namespace", "", "namespace of Envoy Gateway's pods; if empty, all namespaces")
}

// open opens the cluster of a kubeconfig.
func (p *program) open(w *place, kubeconfig string) (*cluster.Cluster, error) {
	return cluster.Open(cluster.Config{
		Kubeconfig: kubeconfig, Context: w.context, EgraftNamespace: w.egraftNamespace, EnvoyGatewayNamespace: w.gatewayNamespace,
		Slow: p.progress,
	})
}

// progress tells a user on a terminal what takes long.
func (p *program) progress(what string) {
	if f, ok := p.stderr.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		fmt.Fprintln(p.stderr, terminal.New(p.stderr, p.environ).Faint("waiting: "+terminal.Printable(what)))
	}
}

// clusterFacts queries a cluster.
func (p *program) clusterFacts(ctx context.Context, f *doctor.Facts, d *doctorFlags) error {
	c, err := p.open(&d.place, d.kubeconfig)
	if err != nil {
		return err
	}
	survey.Cluster(ctx, c, f)
	return nil
}
