package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/egraft/egraft/e2e/kubegateway"
	"github.com/egraft/egraft/e2e/process"
)

// home is Envoy Gateway's home, with the processes that the variants run.
type home struct {
	*kubegateway.Home
	dir    string // of the run, with the directory "log"
	self   string // this program
	egraft string
	stanza []byte
}

func newHome(ctx context.Context, dir, egraft string, c *cluster) (*home, error) {
	h := &home{dir: dir, egraft: egraft}
	var err error
	if h.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if h.Home, err = kubegateway.NewHome(dir, c.Cluster); err != nil {
		return nil, err
	}
	h.stanza, err = kubegateway.Stanza(ctx, egraft)
	return h, err
}

// running is Envoy Gateway with its extension server.
type running struct {
	gateway, extension *process.Process
	client             *client
}

// start starts a variant and waits until all routes are in the snapshot.
func (h *home) start(ctx context.Context, v variant, routes int, pprof bool) (*running, error) {
	config, err := v.configuration(h.stanza, pprof)
	if err != nil {
		return nil, err
	}
	r := &running{extension: h.extension(v)}
	if r.gateway, err = h.Gateway(config); err != nil {
		return nil, err
	}
	if err := r.start(ctx, h, routes); err != nil {
		return nil, errors.Join(fmt.Errorf("%s with %d routes (logs are in %s/log): %w", v.name, routes, h.dir, err), r.stop())
	}
	return r, nil
}

func (r *running) start(ctx context.Context, h *home, routes int) error {
	if r.extension != nil {
		if err := r.extension.Start(); err != nil {
			return err
		}
		if err := r.extension.Wait(ctx, "the extension server's socket", func(context.Context) error {
			_, err := os.Stat(h.Socket())
			return err
		}); err != nil {
			return err
		}
	}
	if err := r.gateway.Start(); err != nil {
		return err
	}
	// Envoy Gateway serves metrics before it has read anything.
	if err := r.gateway.Wait(ctx, "Envoy Gateway's metrics", func(ctx context.Context) error {
		_, err := translated(ctx)
		return err
	}); err != nil {
		return err
	}
	var err error
	if r.client, err = newClient(ctx, h.Home); err != nil {
		return err
	}
	return r.client.waitRoutes(ctx, routes)
}

// extension is the process of the variant's extension server, if it has one.
func (h *home) extension(v variant) *process.Process {
	path := h.Socket()
	switch v.server {
	case plainServer, echoServer, copyServer:
		return process.New(h.dir, v.server, h.self, v.server, path)
	case egraftServer:
		return process.New(h.dir, v.server, h.egraft, "serve", "--socket", path, "--admin-address", egraftAdmin)
	}
	return nil
}

// stop ends Envoy Gateway first, so that it does not lose its extension server.
func (r *running) stop() error {
	if r.client != nil {
		r.client.close()
	}
	err := r.gateway.Stop()
	if r.extension != nil {
		err = errors.Join(err, r.extension.Stop())
	}
	return err
}
