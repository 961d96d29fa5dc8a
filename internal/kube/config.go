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

// Config configures a [Publisher]; all fields except Kubeconfig are required.
type Config struct {
	// Kubeconfig is the path of the kubeconfig file. Without it, the process must run in a pod with
	// a ServiceAccount.
	Kubeconfig string
	// Instance identifies the replica in Events: the pod's name.
	Instance string
	Log      *slog.Logger
	Observer Observer
}

// Observer counts results.
type Observer interface {
	// Written is called for each attempt to write an "event" or "conditions". The result is
	// "written"; "repeated" for an Event that got a new time; "present" if there was nothing to do;
	// "outdated" if the object or its namespace is gone or its conditions are of a newer
	// generation; "conflict" if another writer was faster, before a retry; "unavailable" or
	// "forbidden" before a later retry; or "rejected" if there is no retry.
	Written(what, result string)
	// Dropped is called for an outcome that did not fit into the table.
	Dropped()
}

// ErrNotInCluster means that there is no API server to write to.
var ErrNotInCluster = errors.New("not in a Kubernetes pod, and no kubeconfig is set")

// requestTimeout is the timeout of a request to the API server. client-go itself has none.
const requestTimeout = 10 * time.Second

// New makes a publisher. It reads files, but does not connect.
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

// connection returns the configuration of the connection to the API server.
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
	c.QPS = -1 // the publisher has its own limit, which ends with its context
	c.WarningHandlerWithContext = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("create a client for the API server: %w", err)
	}
	return assemble(cfg, client), nil
}
