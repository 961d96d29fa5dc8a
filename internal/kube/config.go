package kube

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config is what a [Publisher] needs; all fields but Kubeconfig are required.
type Config struct {
	// Kubeconfig is the path of a file that says how to reach the API server. Without it
	// the process has to run in a pod with a ServiceAccount.
	Kubeconfig string
	// Instance tells replicas apart for readers of Events: the pod's name.
	Instance string
	Log      *slog.Logger
	Observer Observer
}

// Observer counts what becomes of outcomes.
type Observer interface {
	// Written is called for each attempt to write, of an "event" or of "conditions". The
	// result is "written", "repeated" for an Event that got a new time, "present" if there
	// was nothing to do, "outdated" if the object or its namespace is gone or its conditions
	// are of a newer generation, "conflict" if somebody else was faster and it is tried
	// again, "unavailable" and "forbidden" if it is tried again later, and "rejected" if
	// that makes no sense.
	Written(what, result string)
	// Dropped is called for an outcome for which there was no room.
	Dropped()
}

// ErrNotInCluster means that there is no API server to write to.
var ErrNotInCluster = errors.New("not in a Kubernetes pod, and no kubeconfig is set")

// requestTimeout is how long the API server may take for an answer. client-go itself
// waits for ever.
const requestTimeout = 10 * time.Second

// New makes a publisher. It reads files and makes no connection.
func New(cfg Config) (*Publisher, error) {
	if cfg.Instance == "" || cfg.Log == nil || cfg.Observer == nil {
		return nil, errors.New("publish outcomes: instance, log and observer are required")
	}
	c, err := connection(cfg.Kubeconfig)
	if err != nil {
		return nil, err
	}
	return newPublisher(cfg, c)
}

// connection says how to reach the API server.
func connection(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		c, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
		}
		return c, nil
	}
	c, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, ErrNotInCluster
	}
	if err != nil {
		return nil, fmt.Errorf("read the pod's ServiceAccount: %w", err)
	}
	return c, nil
}

func newPublisher(cfg Config, c *rest.Config) (*Publisher, error) {
	c.UserAgent = manager
	c.QPS = -1 // the publisher has a limit of its own, which ends with its context
	c.WarningHandlerWithContext = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("create a client for the API server: %w", err)
	}
	return assemble(cfg, client), nil
}
