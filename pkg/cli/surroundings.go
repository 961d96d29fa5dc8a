package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/outside"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/internal/wiring"
)

// surroundings holds the flags that locate Envoy Gateway and Envoy.
type surroundings struct {
	place
	gatewayConfig string
	envoyAdmins   []string
}

func (w *surroundings) add(cmd *cobra.Command) {
	w.place.add(cmd)
	cmd.Flags().StringVar(&w.gatewayConfig, "envoy-gateway-config", "", "`file` with the configuration of an Envoy Gateway without Kubernetes")
	cmd.Flags().StringArrayVar(&w.envoyAdmins, "envoy-admin", nil, "`host:port` of the administration interface of an Envoy without Kubernetes; can be repeated")
}

// standalone adds the first and the last stage to a report, if flags locate them.
func (w *surroundings) standalone(ctx context.Context, r *explain.Report, needs wiring.Needs, socket string) {
	outside.Complete(ctx, &outside.Standalone{ConfigFile: w.gatewayConfig, Needs: needs, Socket: socket, EnvoyAdmins: w.envoyAdmins}, r)
	r.DropWanted()
}

// replica is a running egraft.
type replica struct {
	name      string
	transport http.RoundTripper
	address   string
}

// replicas returns the running pods of egraft, and prints a warning about the others.
func (p *program) replicas(ctx context.Context, c *cluster.Cluster) ([]replica, error) {
	pods, err := c.Egrafts(ctx)
	if err != nil {
		return nil, err
	}
	var out []replica
	for _, pod := range pods {
		switch {
		case pod.AdminPort == 0:
			p.warn("pod " + pod.String() + " has no admin address, so it cannot be queried")
		case !pod.Running:
			p.warn("egraft is not running in pod " + pod.String())
		default:
			out = append(out, replica{"pod " + pod.String(), c.Transport(pod, pod.AdminPort), fmt.Sprintf("127.0.0.1:%d", pod.AdminPort)})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of %d pods of egraft can be queried", len(pods))
	}
	return out, nil
}

// warn tells the user what the output lacks.
func (p *program) warn(text string) { fmt.Fprintf(p.stderr, "egraft: %s\n", terminal.Printable(text)) }

// self queries the replicas about themselves, and returns the first response.
func (p *program) self(ctx context.Context, all []replica) (doctor.Egraft, error) {
	var errs []error
	for _, r := range all {
		e, err := survey.Egraft(ctx, survey.Endpoint{Name: r.name, Transport: r.transport, Address: r.address})
		if err == nil {
			return e, nil
		}
		errs = append(errs, err)
	}
	return doctor.Egraft{}, errors.Join(errs...)
}

// ask queries all replicas for a report. If only some respond, it prints a warning about the
// others.
func (p *program) ask(ctx context.Context, all []replica, q explain.Request) (*explain.Report, error) {
	reports, errs := outside.Replicas{}, map[string]error{}
	var mu sync.Mutex
	var g errgroup.Group
	for _, r := range all {
		g.Go(func() error {
			report, err := explain.Ask(ctx, r.transport, r.address, q)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[r.name] = fmt.Errorf("%s: %w", r.name, err)
			} else {
				reports[r.name] = report
			}
			return nil
		})
	}
	_ = g.Wait() // no function returns an error
	for _, r := range all {
		err := errs[r.name]
		if err != nil && (len(reports) == 0 || errors.As(err, new(*explain.QueryError))) {
			return nil, err
		}
		if err != nil {
			p.warn(err.Error())
		}
	}
	return reports.Merge()
}

// inCluster explains a subject with all replicas of egraft, Envoy Gateway and the Envoys of a
// cluster.
func (x *explaining) inCluster(ctx context.Context, p *program, s *settings, args []string, objects [][]byte) (*explain.Report, error) {
	c, err := p.open(&x.place, s.Kubeconfig)
	if err != nil {
		return nil, err
	}
	all, err := p.replicas(ctx, c)
	if err != nil {
		return nil, err
	}
	self, err := p.self(ctx, all)
	if err != nil {
		return nil, err
	}
	r, err := p.ask(ctx, all, x.request(args, objects))
	if err != nil {
		return nil, err
	}
	k := &outside.Kubernetes{Cluster: c, Needs: self.Needs, Socket: socketOf(self)}
	if subject, err := explain.ParseSubject(args, self.Needs.GroupVersionKinds()); err == nil {
		r.Complete(slices.Concat(objects, k.Objects(ctx, subject)))
	} else {
		r.Complete(objects)
	}
	outside.Complete(ctx, k, r)
	r.DropWanted()
	return r, nil
}

// socketOf returns the path of an egraft's socket, empty if it serves on TCP.
func socketOf(e doctor.Egraft) string {
	if e.Network == "unix" {
		return e.Address
	}
	return ""
}

// request returns the request to an egraft.
func (x *explaining) request(args []string, objects [][]byte) explain.Request {
	q := explain.Request{Subject: strings.Join(args, "/"), Diff: x.diff, Seen: true, Wanted: true}
	if q.Subject == "" && len(objects) == 1 {
		q.Subject = explain.SubjectOf(objects[0]).String()
	}
	return q
}
