package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/internal/wiring"
)

const doctorLong = `Check whether Envoy Gateway, egraft and their environment work together. For each check
that fails, it prints the cause, the remedy, and a link for the code of the check.

It asks the egraft on this host if one responds on --admin-address, otherwise the cluster of
the kubeconfig: all replicas of egraft and Envoy Gateway, by port-forward. For an Envoy
Gateway without Kubernetes, pass its configuration file. Without a running egraft, the command
derives the features from the settings of ` + "`egraft serve`" + `: use the same flags, environment
and file. It changes nothing.

The exit code is 0 if no check failed, 1 if one did, and 2 if nothing could be checked.`

const doctorExample = `  # Check a whole cluster
  egraft doctor

  # Print only problems, and skip one check
  egraft doctor --short --skip EGR507

  # Before Envoy Gateway and egraft run
  egraft doctor --envoy-gateway-config envoy-gateway.yaml

  # Machine-readable output
  egraft doctor --output json`

// doctorFlags are the flags of `egraft doctor`.
type doctorFlags struct {
	place
	config, gatewayAdmin, output, kubeconfig string
	skip, envoys                             []string
	short                                    bool
}

func newDoctor(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check whether Envoy Gateway and egraft work together",
		Long: doctorLong, Example: doctorExample, Args: noArgs,
	}
	flags := p.addFlags(cmd, "admin-address", "socket", "disable-features", "kubeconfig")
	var d doctorFlags
	d.add(cmd)
	cmd.Flags().StringVar(&d.config, "envoy-gateway-config", "", "file with Envoy Gateway's configuration, for an Envoy Gateway without Kubernetes")
	cmd.Flags().StringVar(&d.gatewayAdmin, "envoy-gateway-admin", "127.0.0.1:19000", "admin address of an Envoy Gateway without Kubernetes")
	cmd.Flags().StringSliceVar(&d.envoys, "envoy-admin", nil, "admin addresses of Envoys without Kubernetes; can be repeated")
	cmd.Flags().StringSliceVar(&d.skip, "skip", nil, "codes of checks to skip; can be repeated")
	cmd.Flags().BoolVar(&d.short, "short", false, "print only checks that are not ok")
	cmd.Flags().StringVarP(&d.output, "output", "o", "text", "one of text, json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := d.validate(); err != nil {
			return err
		}
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		d.local = d.config != "" || cmd.Flags().Changed("admin-address")
		d.remote = cmd.Flags().Changed("kubeconfig") || d.context != ""
		d.kubeconfig = s.Kubeconfig
		facts, err := p.facts(cmd.Context(), s, &d)
		if err != nil {
			return err
		}
		return p.diagnose(doctor.NewReport(doctor.Run(facts, d.skip...)), &d)
	}
	return cmd
}

func (d *doctorFlags) validate() error {
	known := doctor.Checks()
	for _, code := range d.skip {
		if !slices.ContainsFunc(known, func(c doctor.Check) bool { return c.Code.ID == code }) {
			return fmt.Errorf("--skip %q is not the code of a check", code)
		}
	}
	if d.output != "text" && d.output != "json" {
		return fmt.Errorf("--output %q is not one of text, json", d.output)
	}
	return nil
}

// diagnose prints a report. It returns an error if a check failed.
func (p *program) diagnose(r *doctor.Report, d *doctorFlags) error {
	if d.output == "json" {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return failed(err)
		}
	} else if err := r.WriteText(p.stdout, terminal.New(p.stdout, p.environ), d.short); err != nil {
		return failed(err)
	}
	switch r.Failed {
	case 0:
		return nil
	case 1:
		return failed(fmt.Errorf("1 check failed"))
	default:
		return failed(fmt.Errorf("%d checks failed", r.Failed))
	}
}

// facts gathers what the checks need.
func (p *program) facts(ctx context.Context, s *settings, d *doctorFlags) (*doctor.Facts, error) {
	f := &doctor.Facts{Now: time.Now(), Needs: wiring.NeedsOf(s.features), Socket: s.socket()}
	if d.remote {
		return f, p.clusterFacts(ctx, f, d)
	}
	p.localFacts(ctx, s, f, d)
	if f.Egrafts.Known || d.local {
		return f, nil
	}
	if err := p.clusterFacts(ctx, f, d); err != nil {
		return nil, fmt.Errorf("no egraft responds on this host (%s), and %w", f.Egrafts.Why, err)
	}
	return f, nil
}

// socket returns the path of the socket, empty if egraft serves on TCP.
func (s *settings) socket() string {
	if network, address := s.Network(); network == "unix" {
		return address
	}
	return ""
}

// localFacts queries what runs on this host.
func (p *program) localFacts(ctx context.Context, s *settings, f *doctor.Facts, d *doctorFlags) {
	if d.config != "" {
		f.Written = survey.File(d.config)
	}
	if s.AdminAddress == "" {
		f.Egrafts = doctor.Unknown[[]doctor.Egraft]("the admin address is off")
	} else if e, err := survey.Egraft(ctx, survey.Local(s.AdminAddress)); err != nil {
		f.Egrafts = doctor.Unknown[[]doctor.Egraft](err.Error())
	} else {
		f.Egrafts = doctor.Known([]doctor.Egraft{e})
	}
	gateway := survey.Local(d.gatewayAdmin)
	f.Running, f.Patches, f.Envoys = survey.EnvoyGateway(ctx, gateway), survey.Patches(ctx, gateway), survey.Envoys(ctx, d.envoys)
}
