package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/egraft/egraft/internal/logging"
)

// reloader loads the TLS configuration from files at each handshake. Envoy Gateway keeps its
// connection open, so this is cheap and needs no watcher. gRPC's own pemfile provider does not
// report a missing file at startup, and logs a private key that does not match.
type reloader struct {
	tcp  *TCP
	log  *slog.Logger
	good atomic.Pointer[tls.Config]
}

func newTLS(tcp *TCP, log *slog.Logger) (credentials.TransportCredentials, error) {
	r := &reloader{tcp: tcp, log: log}
	first, err := tcp.config()
	if err != nil {
		return nil, err
	}
	r.good.Store(first)
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: r.current}), nil
}

// current returns the configuration in the files, or the last valid one, because files may be half
// written.
func (r *reloader) current(*tls.ClientHelloInfo) (*tls.Config, error) {
	c, err := r.tcp.config()
	if err != nil {
		r.log.Error("reload failed, using last valid certificates", logging.KeyError, err)
		return r.good.Load(), nil
	}
	r.good.Store(c)
	return c, nil
}

// config loads the files. It requires TLS 1.3 because both ends are written in Go.
func (t *TCP) config() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read server certificate %q and key %q: %w", t.CertFile, t.KeyFile, err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	if t.ClientCAFile == "" {
		return c, nil
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs, err = authorities(t.ClientCAFile)
	return c, err
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities of client certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities of client certificates %q: no certificate found", file)
	}
	return pool, nil
}
