// Package cluster reads a Kubernetes cluster for people who run egraft's commands, on a
// workstation or in a pod: it finds the pods of egraft, Envoy Gateway and Envoy, reads objects, and
// reaches ports of pods as `kubectl port-forward` does.
//
// It has the rights of the user's kubeconfig. It changes nothing in the cluster, reads no Secrets,
// and must not judge what it reads. Every request has a timeout.
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

// Config says which cluster, and where in it.
type Config struct {
	// Kubeconfig is the path of a file. If it is empty, the rules of kubectl hold: the files of
	// $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount.
	Kubeconfig string
	// Context is one of the kubeconfig; the current one if it is empty.
	Context string
	// EgraftNamespace and EnvoyGatewayNamespace are where to look for pods. If they are empty,
	// all namespaces are looked at, and pods in several of them are an error: whoever may make
	// pods in one namespace could otherwise pose as egraft.
	EgraftNamespace, EnvoyGatewayNamespace string
	// Slow is called for each request that takes longer than a second, with what is waited for.
	// It may be nil, and is called by other goroutines.
	Slow func(what string)
}

// ErrNoConfig means that no kubeconfig names a cluster.
var ErrNoConfig = errors.New("no kubeconfig names a cluster: use --kubeconfig or $KUBECONFIG")

// Requests, and requests together with what is waited for on the way to a port.
const (
	requestTimeout = 10 * time.Second
	slowAfter      = time.Second
)

// Cluster is a cluster with the rights of a user. Make one with [Open]; it can be used by
// several goroutines.
type Cluster struct {
	cfg       Config
	config    *rest.Config // without a timeout, for streams
	objects   dynamic.Interface
	raw       rest.Interface
	namespace string
}

// Open reads the kubeconfig. It makes no connection.
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

// Namespace is that of the kubeconfig's context.
func (c *Cluster) Namespace() string { return c.namespace }

// Host is the address of the API server.
func (c *Cluster) Host() string { return c.config.Host }

// slow tells if what follows takes long. Call what it returns at the end.
func (c *Cluster) slow(what string) (done func()) {
	if c.cfg.Slow == nil {
		return func() {}
	}
	timer := time.AfterFunc(slowAfter, func() { c.cfg.Slow(what) })
	return func() { timer.Stop() }
}
