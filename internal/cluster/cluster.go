// Package cluster reads a Kubernetes cluster for egraft's commands, on a workstation or in a pod:
// it finds the pods of egraft, Envoy Gateway and Envoy, reads objects, and reaches ports of pods as
// `kubectl port-forward` does.
//
// It uses the permissions of the user's kubeconfig. It changes nothing in the cluster, reads no
// Secrets, and must not interpret what it reads. Every request has a timeout.
package cluster

import (
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config selects a cluster and namespaces in it.
type Config struct {
	// Kubeconfig is the path of the kubeconfig. If it is empty, kubectl's rules apply: the files in
	// $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount.
	Kubeconfig string
	// Context is a context of the kubeconfig; empty for the current one.
	Context string
	// EgraftNamespace and EnvoyGatewayNamespace restrict the search for pods. If they are empty,
	// all namespaces are searched, and pods in several namespaces are an error: otherwise anyone
	// who may create pods in one namespace could pose as egraft.
	EgraftNamespace, EnvoyGatewayNamespace string
	// Slow is called with a description of each request that takes longer than a second. It may be
	// nil. It is called from other goroutines.
	Slow func(what string)
}

// ErrNoConfig means that no kubeconfig names a cluster.
var ErrNoConfig = errors.New("no kubeconfig names a cluster: use --kubeconfig or $KUBECONFIG")

// requestTimeout is the timeout of a request, and slowAfter the time after which Config.Slow is
// called.
const (
	requestTimeout = 10 * time.Second
	slowAfter      = time.Second
)

// Cluster is a cluster with the permissions of a user. Create it with [Open]. It is safe for
// concurrent use.
type Cluster struct {
	cfg       Config
	config    *rest.Config // without a timeout, for streams
	objects   dynamic.Interface
	raw       rest.Interface
	namespace string
}

// Open reads the kubeconfig. It does not connect.
func Open(cfg Config) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = cfg.Kubeconfig
	rules.WarnIfAllMissing = false
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: cfg.Context})
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, ErrNoConfig
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	return open(cfg, config, namespace)
}

func open(cfg Config, config *rest.Config, namespace string) (*Cluster, error) {
	config.UserAgent = "egraft"
	config.QPS = -1 // a command makes few requests
	config.WarningHandlerWithContext = rest.NoWarnings{}
	c := &Cluster{cfg: cfg, config: config, namespace: namespace}
	limited := rest.CopyConfig(config)
	limited.Timeout = requestTimeout
	var err error
	if c.objects, err = dynamic.NewForConfig(limited); err != nil {
		return nil, fmt.Errorf("create a client for the API server: %w", err)
	}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	limited.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	if c.raw, err = rest.UnversionedRESTClientFor(limited); err != nil {
		return nil, fmt.Errorf("create a client for the API server: %w", err)
	}
	return c, nil
}

// Namespace returns the namespace of the kubeconfig's context.
func (c *Cluster) Namespace() string { return c.namespace }

// Host returns the address of the API server.
func (c *Cluster) Host() string { return c.config.Host }

// slow reports the operation to Config.Slow if done is not called in time.
func (c *Cluster) slow(what string) (done func()) {
	if c.cfg.Slow == nil {
		return func() {}
	}
	timer := time.AfterFunc(slowAfter, func() { c.cfg.Slow(what) })
	return func() { timer.Stop() }
}
