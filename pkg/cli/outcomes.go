package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/kube"
	"github.com/egraft/egraft/internal/logging"
)

// publisher is an [extension.Publisher] with a Run method.
type publisher interface {
	extension.Publisher
	Run(context.Context)
}

// newPublisher returns a publisher that writes outcomes to Kubernetes, or nil if that is disabled
// or not possible. It returns an error only if the user explicitly enabled outcomes, because hooks
// work without it.
func newPublisher(c *config.Config, log *slog.Logger, o kube.Observer) (publisher, error) {
	if c.KubernetesOutcomes == config.Never {
		return nil, nil
	}
	p, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, Instance: instance(), Log: log, Observer: o})
	asked := c.KubernetesOutcomes == config.Always || c.Kubeconfig != ""
	switch {
	case err == nil:
		return p, nil
	case asked:
		return nil, fmt.Errorf("set up outcomes in Kubernetes: %w", err)
	case !errors.Is(err, kube.ErrNotInCluster):
		log.Warn("policy outcomes are not written to Kubernetes", logging.KeyError, err)
	}
	return nil, nil
}

// instance returns the host name, which is the name of the pod.
func instance() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "egraft"
}

// publishing runs a publisher, if there is one, until the returned function is called. That
// function waits for its end.
func publishing(ctx context.Context, p publisher) (stop func()) {
	if p == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}
