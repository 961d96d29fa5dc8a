package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/bundle"
	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/outside"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wiring"
)

const collectLong = `Write a file for a bug report, FILE.tar.gz: versions, the output of ` + "`egraft doctor`" + ` and
` + "`egraft explain`" + `, the hook calls that egraft keeps, the part of Envoy Gateway's configuration
that concerns egraft, policies, Events, logs of egraft and Envoy Gateway, and the clusters,
listeners and routes of the Envoys.

The command reads from the cluster of the kubeconfig; with --admin-address, from the egraft on
this host. It redacts secrets, and does not read Kubernetes Secrets. The file contains names,
hosts and addresses: review it before you publish it. missing.txt and standard error list what
could not be read.`

const collectExample = `  egraft collect

  # Without Kubernetes
  egraft collect bundle.tar.gz --admin-address 127.0.0.1:19110 \
    --envoy-gateway-config envoy-gateway.yaml --envoy-admin 127.0.0.1:19000`

// collecting is a bundle in progress.
type collecting struct {
	*bundle.Bundle
	surroundings
	settings *settings
	program  *program
}

func newCollect(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "collect [FILE]", Short: "Write a file for a bug report, without secrets",
		Long: collectLong, Example: collectExample, Args: cobra.MaximumNArgs(1),
	}
	flags := p.addFlags(cmd, "admin-address", "kubeconfig")
	var where surroundings
	where.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		where.local = cmd.Flags().Changed("admin-address") || where.gatewayConfig != "" || len(where.envoyAdmins) > 0
		now := time.Now().UTC()
		dir := "egraft-" + now.Format("20060102-150405")
		name := dir + ".tar.gz"
		if len(args) == 1 {
			name = args[0]
		}
		return failed(p.collect(cmd.Context(), name, dir, now, s, where))
	}
	return cmd
}

// collect writes a new file that only the user may read.
func (p *program) collect(ctx context.Context, name, dir string, now time.Time, s *settings, where surroundings) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	c := &collecting{bundle.New(f, dir, now), where, s, p}
	err = c.gather(ctx)
	if err = errors.Join(err, c.Close(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	for _, line := range c.Missing() {
		p.warn("missing: " + line)
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d files, %d missing\n", terminal.Printable(name), c.Files(), len(c.Missing()))
	return err
}

func (c *collecting) gather(ctx context.Context) error {
	v := version.Read()
	c.JSON("versions.json", map[string]any{"command": map[string]any{"egraft": v.Version, "commit": v.Commit, "go": v.Go, "features": c.program.modules()}}, nil)
	if c.local {
		c.here(ctx)
		return nil
	}
	k, err := c.program.open(&c.place, c.settings.Kubeconfig)
	if errors.Is(err, cluster.ErrNoConfig) {
		return fmt.Errorf("%w, or --admin-address for an egraft without Kubernetes", err)
	}
	if err != nil {
		return err
	}
	c.inCluster(ctx, k)
	return nil
}

// here collects from what runs on this host.
func (c *collecting) here(ctx context.Context) {
	s, p := c.settings, c.program
	at := survey.Local(s.AdminAddress)
	c.egraft(ctx, replica{s.AdminAddress, at.Transport, at.Address})
	d := doctorFlags{place: c.place, config: c.gatewayConfig}
	f := &doctor.Facts{Now: time.Now(), Needs: wiring.NeedsOf(s.features), Socket: s.socket()}
	p.localFacts(ctx, s, f, &d)
	c.doctor(f)
	r, err := explain.Ask(ctx, at.Transport, at.Address, explain.Request{Diff: true, Seen: true, Wanted: true})
	if err == nil {
		c.standalone(ctx, r, f.Needs, f.Socket)
	}
	c.JSON("explain.json", r, err)
	if c.gatewayConfig != "" {
		text, err := os.ReadFile(c.gatewayConfig)
		c.gateway(text, err)
	}
	for _, address := range c.envoyAdmins {
		c.envoy(ctx, outside.EnvoyAt(address))
	}
}

// doctor adds the results of the checks.
func (c *collecting) doctor(f *doctor.Facts) {
	r := doctor.NewReport(doctor.Run(f))
	c.JSON("doctor.json", r, nil)
	var text bytes.Buffer
	err := r.WriteText(&text, terminal.Style{}, false)
	c.Text("doctor.txt", text.Bytes(), err)
}

// gateway adds the part of Envoy Gateway's configuration that concerns egraft: other parts can
// contain secrets.
func (c *collecting) gateway(text []byte, err error) {
	var config *wiring.Config
	if err == nil {
		config, err = wiring.Parse(text)
	}
	c.JSON("envoy-gateway.json", config, err)
}

// egraft adds what one egraft reports about itself, and its calls.
func (c *collecting) egraft(ctx context.Context, r replica) {
	for path, name := range map[string]string{
		"/api/v1/self": "self.json", "/api/v1/version": "version.json", "/api/v1/calls": "calls.json", "/api/v1/recording": "recording.tar.gz", "/metrics": "metrics.txt",
		"/readyz?verbose": "readyz.txt",
	} {
		body, err := survey.Page(ctx, survey.Endpoint{Name: r.name, Transport: r.transport, Address: r.address}, path)
		c.Text("egraft/"+bundle.Name(r.name)+"/"+name, body, err)
	}
}

// maxEnvoy limits the configuration of one Envoy, in bytes.
const maxEnvoy = 64 << 20

// envoy adds the configuration of one Envoy.
func (c *collecting) envoy(ctx context.Context, e envoyadmin.Envoy) {
	dir := "envoys/" + bundle.Name(e.Name) + "/"
	info, err := e.Info(ctx)
	c.JSON(dir+"info.json", info, err)
	var config bytes.Buffer
	err = envoyadmin.WriteConfig(ctx, e, io.Writer(&config), maxEnvoy)
	if errors.Is(err, envoyadmin.ErrLimit) {
		err = bundle.ErrCut
	}
	c.Text(dir+"config.jsonl", config.Bytes(), err)
}
