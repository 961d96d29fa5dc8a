// Package apiserver runs etcd and Kubernetes' API server, with RBAC enabled.
//
// Call it inside a network namespace (package netns). It does not depend on Gateways or egraft;
// package node adds the rest of a cluster.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

// Parts returns the programs that [Start] runs.
func Parts() []parts.Name { return []parts.Name{parts.Etcd, parts.APIServer} }

const (
	port = "6443"
	// serviceNetwork is the network of Service addresses. The first address is the API server's.
	serviceNetwork = "10.96.0.0/16"
	serviceAddress = "10.96.0.1"
	etcdClients    = "http://127.0.0.1:2379"
	etcdPeers      = "http://127.0.0.1:2380"
)

// Options configure a server.
type Options struct {
	// Dir is the directory for all files, with a subdirectory "log".
	Dir string
	// Address is the server's IP address, besides 127.0.0.1, which is the default.
	Address string
}

// Server is an API server with its etcd.
type Server struct {
	// Admin is a user with all permissions.
	Admin *Client
	// Kubectl is the same user's kubectl. It has no program if that part was not prepared.
	Kubectl Kubectl
	// PKI signs the certificates that the server trusts.
	PKI *PKI

	address         string
	options         Options
	programs        map[parts.Name]string
	etcd, apiserver *process.Process
}

// Start starts a server and waits until it is ready.
func Start(ctx context.Context, options Options) (*Server, error) {
	if options.Address == "" {
		options.Address = "127.0.0.1"
	}
	programs, err := parts.Prepared(Parts()...)
	if err != nil {
		return nil, err
	}
	s := &Server{address: options.Address + ":" + port, options: options, programs: programs}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start an API server in %s: %w", options.Dir, err), s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	pki := filepath.Join(s.options.Dir, "pki")
	if err := os.MkdirAll(pki, 0o755); err != nil {
		return fmt.Errorf("make a directory for certificates: %w", err)
	}
	var err error
	if s.PKI, err = NewPKI(pki); err != nil {
		return err
	}
	kubeconfig, err := s.Kubeconfig("admin", "kubernetes-admin", "system:masters")
	if err != nil {
		return err
	}
	s.Kubectl.Kubeconfig = kubeconfig
	if programs, err := parts.Prepared(parts.Kubectl); err == nil {
		s.Kubectl.Program = programs[parts.Kubectl]
	}
	if s.Admin, err = NewClient(kubeconfig); err != nil {
		return err
	}
	s.etcd = process.New(s.options.Dir, "etcd", s.programs[parts.Etcd], "--name=test", "--data-dir="+filepath.Join(s.options.Dir, "etcd"),
		"--unsafe-no-fsync", "--listen-client-urls="+etcdClients, "--advertise-client-urls="+etcdClients,
		"--listen-peer-urls="+etcdPeers, "--initial-advertise-peer-urls="+etcdPeers, "--initial-cluster=test="+etcdPeers)
	if err := s.etcd.Start(); err != nil {
		return err
	}
	if s.apiserver, err = s.newServer(); err != nil {
		return err
	}
	return s.StartServer(ctx)
}

// newServer returns the API server with its certificates.
func (s *Server) newServer() (*process.Process, error) {
	serving, err := s.PKI.Server("apiserver", []string{"127.0.0.1", s.options.Address, serviceAddress},
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return nil, err
	}
	// The key for tokens is that of a certificate with no other use.
	tokens, err := s.PKI.Server("tokens", nil)
	if err != nil {
		return nil, err
	}
	kubelet, err := s.PKI.Client("kubelet-client", "kube-apiserver", "system:masters")
	if err != nil {
		return nil, err
	}
	return process.New(s.options.Dir, "kube-apiserver", s.programs[parts.APIServer],
		"--etcd-servers="+etcdClients, "--bind-address=0.0.0.0", "--advertise-address="+s.options.Address, "--secure-port="+port,
		"--tls-cert-file="+serving+".crt", "--tls-private-key-file="+serving+".key", "--client-ca-file="+s.PKI.CA(),
		"--kubelet-client-certificate="+kubelet+".crt", "--kubelet-client-key="+kubelet+".key",
		"--kubelet-certificate-authority="+s.PKI.CA(), "--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+tokens+".crt", "--service-account-signing-key-file="+tokens+".key",
		"--service-cluster-ip-range="+serviceNetwork, "--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction", "--allow-privileged=true", "--profiling=false", "--v=1"), nil
}

// TokenKey returns the path of the key that signs the tokens of ServiceAccounts.
func (s *Server) TokenKey() string { return s.PKI.path("tokens") + ".key" }

// StartServer starts the API server without etcd, for example after [Server.StopServer], and waits
// until it is ready.
func (s *Server) StartServer(ctx context.Context) error {
	if err := s.apiserver.Start(); err != nil {
		return err
	}
	return s.apiserver.Wait(ctx, "the API server to be ready", s.Admin.Ready)
}

// StopServer stops the API server but not etcd, which keeps all objects.
func (s *Server) StopServer() error { return s.apiserver.Kill() }

// Stop stops both.
func (s *Server) Stop() error {
	var err error
	for _, p := range []*process.Process{s.apiserver, s.etcd} {
		if p != nil {
			err = errors.Join(err, p.Kill())
		}
	}
	return err
}
