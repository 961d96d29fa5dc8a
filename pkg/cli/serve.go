package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/kube"
	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/page"
	"github.com/egraft/egraft/internal/server"
	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/tracing"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wire"
)

const serveLong = `Serve Envoy Gateway's extension hooks until SIGTERM or SIGINT.

Each setting can be a flag, an environment variable (--call-timeout is
EGRAFT_CALL_TIMEOUT) or a field of the file that --config names (callTimeout).
Precedence, highest first: flag, environment, file.`

const serveExample = `  # As a sidecar of Envoy Gateway, on a Unix socket that both mount
  egraft serve

  # Elsewhere, over TCP with mutual TLS
  egraft serve --listen-address :9443 --tls-cert-file tls.crt --tls-key-file tls.key \
    --tls-client-ca-file ca.crt

  # See every call
  egraft serve --socket /tmp/egraft.sock --log-level debug`

func newServe(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "serve", Short: "Serve Envoy Gateway's extension hooks", Long: serveLong, Example: serveExample, Args: noArgs}
	flags := p.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		return failed(p.serve(cmd.Context(), s))
	}
	return cmd
}

// serve creates the components and runs the server until ctx ends.
func (p *program) serve(ctx context.Context, s *settings) error {
	log := logging.New(p.stderr, s.LogLevel, s.LogFormat)
	info := version.Read()
	log.Info("starting", logging.KeyVersion, info.Version, logging.KeyCommit, info.Commit, logging.KeyFeatures, names(s), logging.KeyModules, p.modules())
	for _, name := range config.UnknownVariables(p.environ, sections(p.declare())) {
		log.Warn("unknown environment variable", logging.KeyVariable, name)
	}
	traces, err := tracing.New(ctx, tracing.Config{Version: info.Version, IsTraced: isHook(), Log: log})
	if err != nil {
		return err
	}
	defer traces.Close(ctx)
	e, err := engine.New(s.features, append(engineOptions(s), traces.EngineOptions()...)...)
	if err != nil {
		return fmt.Errorf("set up mutators: %w", err)
	}
	kept, me := newKeeping(s, log), newSelf(s, e.Health)
	t := telemetry.New(telemetry.Config{
		Features: s.features, Results: engine.ResultsOf, MaxMessageBytes: int(s.MaxMessageSize.Value()), CallTimeout: s.CallTimeout, Version: info,
		Modules: p.origins(), Writes: kube.Results(),
		Cache: cacheStats(e), CacheBytes: s.CacheSize.Value(),
		Journal: kept.stats, JournalBytes: kept.limit,
		MutatorTimeout: s.MutatorTimeout, Abandoned: e.Abandoned, Quarantined: e.Quarantined,
		Checks: me.metrics,
	})
	me.calls = t.Calls
	api := admin.New()
	me.serve(api)
	kept.serve(api)
	explaining := explain.NewServer(&explain.Explainer{Engine: e, Features: s.features}, kept.latest)
	api.JSON(explain.Path, explaining.Answer)
	page.Serve(api, page.Config{Explain: explaining.Report, Calls: kept.metas, Facts: me.facts, Checks: me.results, Now: time.Now})
	publisher, err := newPublisher(s.Config, log, t)
	if err != nil {
		return err
	}
	service := extension.New(extension.Config{Engine: e, Log: log, Observer: t, Publisher: publisher, Keeper: kept.keeper()})
	cfg := serverConfig(s, log, t, service.Register)
	cfg.Healthy, cfg.API, cfg.Checks, cfg.StatsHandlers = e.Health, api, me.verbose, traces.Handlers()
	srv, err := server.New(cfg)
	if err != nil {
		return err
	}
	defer publishing(ctx, publisher)()
	defer kept.run(ctx)()
	return srv.Run(ctx)
}

func engineOptions(s *settings) []engine.Option {
	return []engine.Option{
		engine.WithCache(s.CacheSize.Value()), engine.WithMutatorTimeout(s.MutatorTimeout), engine.WithIdleGoroutines(warm),
		engine.WithLimits(s.Restrictions().Limits.Excess),
	}
}

// isHook distinguishes Envoy Gateway's hook calls from health checks and others.
func isHook() func(fullMethod string) bool {
	hooks := extension.Hooks()
	return func(fullMethod string) bool { return hooks[fullMethod] != "" }
}

// warm is the number of idle goroutines: two for each of a few concurrent calls. Envoy Gateway
// makes few at a time.
const warm = 8

// cacheStats reads the statistics of the engine's cache.
func cacheStats(e *engine.Engine) func() telemetry.Cache {
	return func() telemetry.Cache {
		s := e.CacheStats()
		return telemetry.Cache{Hits: s.Hits, Misses: s.Misses, Bytes: s.Bytes}
	}
}

// serverConfig converts settings.
func serverConfig(s *settings, log *slog.Logger, t *telemetry.Telemetry, register func(grpc.ServiceRegistrar)) server.Config {
	c := server.Config{
		MaxMessageBytes: int(s.MaxMessageSize.Value()),
		CallTimeout:     s.CallTimeout,
		ShutdownTimeout: s.ShutdownTimeout,
		Keepalive:       server.Keepalive{Time: s.KeepaliveTime, Timeout: s.KeepaliveTimeout, MinTime: s.KeepaliveMinTime},
		Register:        register,
		Codec:           wire.Codec(),
		BufferPool:      wire.BufferPool(),
		Reflection:      s.Reflection,
		Hooks:           extension.Hooks(),
		Observer:        t,
		AdminAddress:    s.AdminAddress,
		Metrics:         t.Handler(),
		Log:             log,
	}
	if network, _ := s.Network(); network == "unix" {
		c.Socket = &server.Socket{Path: s.Socket, Mode: s.SocketMode, Group: s.SocketGroup, AllowedUIDs: s.AllowedUIDs}
	} else {
		c.TCP = &server.TCP{
			Address: s.ListenAddress, CertFile: s.TLSCertFile, KeyFile: s.TLSKeyFile,
			ClientCAFile: s.TLSClientCAFile, Insecure: s.Insecure,
		}
	}
	return c
}

func names(s *settings) []string {
	out := []string{}
	for i := range s.features {
		out = append(out, s.features[i].Name)
	}
	return out
}
