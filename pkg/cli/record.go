package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
)

const recordLong = `Save the hook calls that a running egraft keeps: the last ones of each Gateway, and some
earlier ones. They contain no secrets. PATH is a new directory, or a file that ends in .tar.gz
or .tar.

It asks the egraft on this host if one responds on --admin-address, otherwise the cluster of
the kubeconfig, by port-forward. If there are several replicas, it asks the one that Envoy
Gateway called last.`

const recordExample = `  # From a workstation
  egraft record recording.tar.gz

  # Only the last translation of each Gateway, as readable files
  egraft record --latest recording`

// finding holds the flags that locate a running egraft.
type finding struct {
	place
	address, kubeconfig string
}

// read reads the flags of a command.
func (f *finding) read(cmd *cobra.Command, s *settings) {
	f.local = cmd.Flags().Changed("admin-address")
	f.remote = cmd.Flags().Changed("kubeconfig") || f.context != ""
	f.address, f.kubeconfig = s.AdminAddress, s.Kubeconfig
}

func newRecord(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "record PATH", Short: "Save the hook calls that egraft keeps", Long: recordLong, Example: recordExample, Args: cobra.ExactArgs(1)}
	flags := p.addFlags(cmd, "admin-address", "kubeconfig")
	var (
		f      finding
		latest bool
	)
	f.add(cmd)
	cmd.Flags().BoolVar(&latest, "latest", false, "save only the last translation of each Gateway, and the calls that belong to it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		f.read(cmd, s)
		r, err := p.running(cmd.Context(), &f, latest)
		if err != nil {
			return failed(err)
		}
		if err := r.Write(args[0]); err != nil {
			return failed(err)
		}
		_, err = fmt.Fprintf(p.stdout, "%d calls of %d Gateways\n", len(r.Calls), len(r.Latest()))
		return failed(err)
	}
	return cmd
}

// running returns the recording of a running egraft.
func (p *program) running(ctx context.Context, f *finding, latest bool) (*recording.Recording, error) {
	var here error
	if !f.remote {
		if here = errors.New("--admin-address is off"); f.address != "" {
			var r *recording.Recording
			// No proxy from the environment.
			if r, here = recording.Fetch(ctx, &http.Transport{}, f.address, latest); here == nil {
				return r, nil
			}
		}
		if f.local || f.address != "" && !errors.Is(here, recording.ErrNoAnswer) {
			return nil, here
		}
	}
	r, err := p.runningInCluster(ctx, f, latest)
	if err != nil && here != nil {
		err = fmt.Errorf("%w, and %w", here, err)
	}
	return r, err
}

// runningInCluster queries all replicas and returns the recording of the one with the latest call.
func (p *program) runningInCluster(ctx context.Context, f *finding, latest bool) (*recording.Recording, error) {
	c, err := p.open(&f.place, f.kubeconfig)
	if err != nil {
		return nil, err
	}
	pods, err := c.Egrafts(ctx)
	if err != nil {
		return nil, err
	}
	var (
		all  []*recording.Recording
		errs []error
	)
	for _, pod := range pods {
		r, err := fromPod(ctx, c, pod, latest)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, r)
		fmt.Fprintf(p.stderr, "pod %s: %d calls\n", terminal.Printable(pod.String()), len(r.Calls))
	}
	if len(all) == 0 {
		return nil, errors.Join(errs...)
	}
	for _, err := range errs {
		fmt.Fprintf(p.stderr, "egraft: %s\n", terminal.Printable(err.Error()))
	}
	return slices.MaxFunc(all, func(a, b *recording.Recording) int {
		return cmp.Or(lastCall(a).Compare(lastCall(b)), cmp.Compare(len(a.Calls), len(b.Calls)))
	}), nil
}

func fromPod(ctx context.Context, c *cluster.Cluster, pod cluster.Pod, latest bool) (*recording.Recording, error) {
	if pod.AdminPort == 0 {
		return nil, fmt.Errorf("the admin address of pod %s is off", pod)
	}
	r, err := recording.Fetch(ctx, c.Transport(pod, pod.AdminPort), fmt.Sprintf("localhost:%d", pod.AdminPort), latest)
	if err != nil {
		return nil, fmt.Errorf("pod %s: %w", pod, err)
	}
	return r, nil
}

func lastCall(r *recording.Recording) (last time.Time) {
	for _, c := range r.Calls {
		if c.Last.After(last) {
			last = c.Last
		}
	}
	return last
}
