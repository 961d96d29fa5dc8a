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

// publisher is an [extension.Publisher] that has to be run.
type publisher interface {
	extension.Publisher
	Run(context.Context)
}

// newPublisher returns what writes outcomes to Kubernetes, or nil if that is not wanted or
// not possible. What the user asked for and cannot have is an error; what was only tried
// is not, since hooks work without it.
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

// instance is the name of the pod, which is its host name.
func instance() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "egraft"
}

// publishing runs a publisher, if there is one, until the function that it returns is
// called, which waits for its end.
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
