package playback

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/features/backendmtls"
	"github.com/egraft/egraft/pkg/mutator"
)

// endpointsTimeout is the default of --eds-initial-fetch-timeout.
const endpointsTimeout = time.Second

// World is an environment in which a control plane in this process replaces Envoy Gateway.
type World struct {
	*standalone.Environment

	calls   calls
	engine  *engine.Engine
	control *ads.Server
	envoy   *ads.Envoy
	served  []proto.Message
}

// Start starts the environment and an Envoy without configuration.
func Start(ctx context.Context) (*World, error) {
	env, err := standalone.Start(ctx, standalone.Options{WithoutGateway: true})
	if err != nil {
		return nil, err
	}
	w := &World{Environment: env}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) (err error) {
	if w.calls, err = open(w.Dir); err != nil {
		return err
	}
	if w.engine, err = engine.New([]mutator.Feature{backendmtls.New(endpointsTimeout)}); err != nil {
		return err
	}
	if w.control, err = ads.Start(ctx); err != nil {
		return err
	}
	if w.envoy, err = ads.StartEnvoy(w.EnvoyProgram(), w.Dir, w.control); err != nil {
		return err
	}
	return w.nameAdmin()
}

// nameAdmin writes the address of Envoy's administration interface to the file from which the
// environment reads it.
func (w *World) nameAdmin() error {
	dir := filepath.Join(w.Dir, "rt", "recorded")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("directory for the address of Envoy: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "admin-address.txt"), []byte(ads.AdminAddress), 0o644); err != nil {
		return fmt.Errorf("address of Envoy: %w", err)
	}
	return nil
}

// Before plays the call before the policy.
func (w *World) Before(ctx context.Context) error { return w.play(ctx, w.calls.before) }

// Apply plays the call with the policy.
func (w *World) Apply(ctx context.Context) error { return w.play(ctx, w.calls.with) }

// Policy returns the policy of the calls, as Envoy Gateway sent it.
func (w *World) Policy() []byte { return w.calls.with.Objects[0] }

// play makes egraft respond to a call, and sends the response to Envoy.
func (w *World) play(ctx context.Context, call *recording.Call) error {
	response, err := w.engine.Run(ctx, call.Call)
	if err != nil {
		return fmt.Errorf("play call %s: %w", call.ID, err)
	}
	set, err := decoded(response)
	if err != nil {
		return fmt.Errorf("response to call %s: %w", call.ID, err)
	}
	remove := gone(w.served, set)
	w.served = set
	if err := w.control.Change(set, remove); err != nil {
		return err
	}
	rejected, err := w.control.WaitAnswered(ctx)
	if err == nil && len(rejected) > 0 {
		err = fmt.Errorf("Envoy rejected %q", rejected)
	}
	return err
}

// decoded returns the resources of a response, and the endpoints of its clusters, which Envoy
// Gateway sends to Envoy without egraft.
func decoded(response *engine.Response) ([]proto.Message, error) {
	var out []proto.Message
	for _, list := range response.Resources {
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
			if c, ok := m.(*clusterv3.Cluster); ok {
				out = append(out, ads.Endpoints(c.GetEdsClusterConfig().GetServiceName(), Route().Port))
			}
		}
	}
	return out, nil
}

// gone returns the clusters that are no longer served.
func gone(before, now []proto.Message) (out []proto.Message) {
	for _, m := range before {
		old, ok := m.(*clusterv3.Cluster)
		if ok && !slices.ContainsFunc(now, func(m proto.Message) bool {
			c, ok := m.(*clusterv3.Cluster)
			return ok && c.GetName() == old.GetName()
		}) {
			out = append(out, old)
		}
	}
	return out
}

// Stop ends all started processes and keeps the directory.
func (w *World) Stop() error {
	var err error
	if w.envoy != nil {
		err = w.envoy.Stop()
	}
	if w.control != nil {
		w.control.Stop()
	}
	return errors.Join(err, w.Environment.Stop())
}

// Close ends all started processes and removes the directory.
func (w *World) Close() error {
	return errors.Join(w.Stop(), os.RemoveAll(w.Dir))
}
