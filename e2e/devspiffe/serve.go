package devspiffe

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
)

// rotationCheck is the interval of checks for SVIDs to renew.
const rotationCheck = 100 * time.Millisecond

// Start serves on the socket until [Issuer.Stop]. It can be called again afterwards.
func (i *Issuer) Start() error {
	i.serving.Lock()
	defer i.serving.Unlock()
	if i.server != nil {
		return errors.New("the development issuer serves already")
	}
	listener, err := i.listen()
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(peerCredentials{}))
	secretv3.RegisterSecretDiscoveryServiceServer(server, &secretServer{issuer: i})
	workload.RegisterSpiffeWorkloadAPIServer(server, &workloadServer{issuer: i})
	i.server, i.done = server, make(chan struct{})
	go func() { _ = server.Serve(listener) }() // returns when stopped
	go i.renew(i.done)
	return nil
}

// Stop ends all streams and closes the socket. Entries and SVIDs are kept.
func (i *Issuer) Stop() {
	i.serving.Lock()
	defer i.serving.Unlock()
	if i.server == nil {
		return
	}
	close(i.done)
	i.server.Stop()
	i.server = nil
}

func (i *Issuer) listen() (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(i.cfg.Socket), 0o755); err != nil {
		return nil, fmt.Errorf("directory of the development issuer's socket: %w", err)
	}
	if err := os.Remove(i.cfg.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	listener, err := net.Listen("unix", i.cfg.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen for the development issuer: %w", err)
	}
	return listener, nil
}

// renew wakes the streams when an SVID has passed half of its lifetime.
func (i *Issuer) renew(done <-chan struct{}) {
	ticker := time.NewTicker(rotationCheck)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			if i.due(now) {
				i.change(func() {}) // SVIDs that are due are reissued when read
			}
		}
	}
}

func (i *Issuer) due(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.issued {
		if now.After(s.renewAt) {
			return true
		}
	}
	return false
}
