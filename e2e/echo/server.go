package echo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// Config configures a backend.
type Config struct {
	// Listen is the address for HTTPS with an SVID and a client certificate.
	Listen string
	// Socket is the path of the SPIFFE Workload API.
	Socket string
	// Clients are the permitted SPIFFE IDs; an ID without a path permits its whole trust domain.
	// The default is the backend's own trust domain.
	Clients []string
	// MaxTLS is the highest version of TLS, such as "1.2". The default is 1.3.
	MaxTLS string
	// Plain is the address for HTTP in cleartext.
	Plain string
	// Ordinary is the address for HTTPS with the certificate in the files Certificate and Key,
	// without client certificates.
	Ordinary, Certificate, Key string
}

// Run serves until the context ends.
func Run(ctx context.Context, cfg Config) error {
	self := func() string { return "" }
	var servers []func() error
	if cfg.Listen != "" {
		source, err := workloadapi.NewX509Source(ctx, workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+cfg.Socket)))
		if err != nil {
			return fmt.Errorf("get an SVID from the Workload API at %s: %w", cfg.Socket, err)
		}
		defer source.Close()
		self = identity(source)
		config, err := mutualTLS(source, cfg)
		if err != nil {
			return err
		}
		servers = append(servers, serve(ctx, cfg.Listen, config, self))
	}
	if cfg.Ordinary != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
		if err != nil {
			return fmt.Errorf("load the ordinary certificate: %w", err)
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		servers = append(servers, serve(ctx, cfg.Ordinary, config, self))
	}
	if cfg.Plain != "" {
		servers = append(servers, serve(ctx, cfg.Plain, nil, self))
	}
	return all(servers)
}

func identity(source *workloadapi.X509Source) func() string {
	return func() string {
		svid, err := source.GetX509SVID()
		if err != nil {
			return ""
		}
		return svid.ID.String()
	}
}

// mutualTLS requires a certificate of one of the configured clients.
func mutualTLS(source *workloadapi.X509Source, cfg Config) (*tls.Config, error) {
	authorize, err := authorizer(source, cfg.Clients)
	if err != nil {
		return nil, err
	}
	config := tlsconfig.MTLSServerConfig(source, source, authorize)
	config.MinVersion, config.NextProtos = tls.VersionTLS12, []string{"h2", "http/1.1"}
	switch cfg.MaxTLS {
	case "", "1.3":
		config.MaxVersion = tls.VersionTLS13
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	default:
		return nil, fmt.Errorf("TLS version %q: want 1.2 or 1.3", cfg.MaxTLS)
	}
	return config, nil
}

func authorizer(source *workloadapi.X509Source, clients []string) (tlsconfig.Authorizer, error) {
	if len(clients) == 0 {
		svid, err := source.GetX509SVID()
		if err != nil {
			return nil, fmt.Errorf("own SVID: %w", err)
		}
		return tlsconfig.AuthorizeMemberOf(svid.ID.TrustDomain()), nil
	}
	allowed := make([]spiffeid.ID, 0, len(clients))
	for _, client := range clients {
		id, err := spiffeid.FromString(client)
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", client, err)
		}
		allowed = append(allowed, id)
	}
	return tlsconfig.AdaptMatcher(func(got spiffeid.ID) error {
		for _, id := range allowed {
			if got == id || id.Path() == "" && got.MemberOf(id.TrustDomain()) {
				return nil
			}
		}
		return fmt.Errorf("client %q is not among %q", got, clients)
	}), nil
}

// serve returns a function that serves on an address until the context ends.
func serve(ctx context.Context, address string, config *tls.Config, self func() string) func() error {
	return func() error {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", address, err)
		}
		server := &http.Server{Handler: Handler(self), TLSConfig: config, ReadHeaderTimeout: 10 * time.Second}
		// Each request uses a new connection, and so the client's current certificate.
		server.SetKeepAlivesEnabled(false)
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		if config == nil {
			err = server.Serve(listener)
		} else {
			err = server.ServeTLS(listener, "", "")
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve on %s: %w", address, err)
	}
}

// all runs functions concurrently. It returns the first error, or nil when all of them have
// returned.
func all(functions []func() error) error {
	results := make(chan error, len(functions))
	for _, f := range functions {
		go func() { results <- f() }()
	}
	for range functions {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}
