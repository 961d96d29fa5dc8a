// Package standalone runs egraft with the real parts and without Kubernetes: Envoy Gateway with its
// file provider, the Envoy that it starts, a SPIFFE authority, and backends that require client
// certificates.
//
// Call it inside a network namespace (package netns), because the parts have fixed ports. It
// starts, stops and queries processes. The demo and the tests decide what is correct.
package standalone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

// Options configure an environment.
type Options struct {
	// SPIFFE is [Dev] by default.
	SPIFFE SPIFFEMode
	// Egraft are additional arguments of `egraft serve`.
	Egraft []string
	// Program runs in place of egraft. It must have been built by [PrepareModule].
	Program parts.Name
	// Listeners are additional listeners of the Gateway in YAML, one on each line, after the base's
	// two.
	Listeners []string
	// MergeGateways makes all Gateways of the class share Envoy's listeners.
	MergeGateways bool
	// MergeBackends makes routes with the same backend share a cluster.
	MergeBackends bool
	// RuntimeFlags are the enabled runtime flags of Envoy Gateway.
	RuntimeFlags []string
	// Bootstrap is merged into Envoy's bootstrap, in YAML.
	Bootstrap string
	// Gateway is merged into Envoy Gateway's configuration, in YAML.
	Gateway string
	// AccessLog is appended to the format of Envoy's access log.
	AccessLog string
	// FilterOrder is the filterOrder of the EnvoyProxy, in YAML.
	FilterOrder string
	// Managers converts egraft's extension manager, as configured in Envoy Gateway, to another one
	// or several, in order. What they need must exist when it returns.
	Managers func(dir string, egraft map[string]any) ([]map[string]any, error)
	// WithoutEgraft leaves egraft out of Envoy Gateway's configuration.
	WithoutEgraft bool
	// WithoutGateway starts only what Envoy connects to, the authority and the backends, but not
	// Envoy Gateway, egraft or Envoy.
	WithoutGateway bool
	// EgraftLater leaves starting egraft to the caller.
	EgraftLater bool
	// Backends are [DefaultBackends] by default.
	Backends []Backend
	// Partners are other trust domains, each with a development issuer. Envoy is entitled to their
	// bundles, and they have that of [manifest.TrustDomain].
	Partners []string

	envoyVersion string
}

// Environment is a running set of parts.
type Environment struct {
	// Admin queries the Envoy that Envoy Gateway started.
	envoy.Admin

	// Dir contains everything that the parts write. Logs are in Dir/log.
	Dir string
	// Egraft, Gateway and Backends are the started programs. Envoy is a child of Gateway.
	Egraft, Gateway *process.Process
	Backends        map[string]*process.Process
	// SPIFFE issues the SVIDs.
	SPIFFE Authority
	// Partners issue the SVIDs of other trust domains, by name.
	Partners map[string]Authority

	options  Options
	programs programs
}

// Start starts an environment, and returns when Envoy responds. If it fails, it stops what it has
// started; the directory is kept, unless the context was cancelled, and the error contains its
// path.
func Start(ctx context.Context, options Options) (*Environment, error) {
	if options.SPIFFE == "" {
		options.SPIFFE = Dev
	}
	if options.Backends == nil {
		options.Backends = DefaultBackends()
	}
	if err := options.choose(); err != nil {
		return nil, err
	}
	dir, err := newRunDir()
	if err != nil {
		return nil, err
	}
	e := &Environment{Dir: dir, options: options, Backends: map[string]*process.Process{}}
	e.Admin = e.EnvoyAdmin
	if err := e.start(ctx); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) { // the logs are not needed
			return nil, errors.Join(err, e.Close())
		}
		return nil, errors.Join(fmt.Errorf("start the environment in %s: %w", dir, err), e.Stop())
	}
	return e, nil
}

func (e *Environment) start(ctx context.Context) error {
	var err error
	if e.programs, err = prepared(e.options); err != nil {
		return err
	}
	if err := e.Apply(ctx, "base", baseResources(e.Dir, e.options)); err != nil {
		return err
	}
	if e.SPIFFE, err = e.newAuthority(); err != nil {
		return err
	}
	if e.Partners, err = e.newPartners(); err != nil {
		return err
	}
	if e.options.WithoutGateway {
		return e.startSPIFFE(ctx)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.startSPIFFE(groupCtx) })
	group.Go(func() error { return certify(groupCtx, e.programs[parts.EnvoyGateway], e.Dir) })
	if !e.options.WithoutEgraft {
		e.Egraft = e.egraft()
		if !e.options.EgraftLater {
			group.Go(func() error { return e.StartEgraft(groupCtx) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return e.startGateway(ctx)
}

// startSPIFFE starts the authorities and the programs that need them to start.
func (e *Environment) startSPIFFE(ctx context.Context) error {
	for _, authority := range e.authorities() {
		if err := authority.Start(ctx); err != nil {
			return err
		}
	}
	if err := place(e.programs[parts.Envoy], e.envoyPath()); err != nil {
		return err
	}
	if err := e.SPIFFE.AddEntries(ctx, e.EnvoyEntry(manifest.EnvoyIdentity)); err != nil {
		return err
	}
	for _, b := range e.options.Backends {
		if err := e.startBackend(ctx, b); err != nil {
			return err
		}
	}
	for _, b := range e.options.Backends {
		if err := b.wait(ctx, e.Backends[b.Name]); err != nil {
			return err
		}
	}
	return nil
}

// startBackend entitles a backend to its SVID and starts it.
func (e *Environment) startBackend(ctx context.Context, b Backend) error {
	if err := place(e.programs[echoProgram], b.executable(e.Dir)); err != nil {
		return err
	}
	authority := e.authority(b.TrustDomain)
	if authority == nil {
		return fmt.Errorf("backend %s: no authority for trust domain %s", b.Name, b.TrustDomain)
	}
	if err := authority.AddEntries(ctx, b.entry(e.Dir)); err != nil {
		return err
	}
	p := b.process(e.Dir, authority.Socket())
	e.Backends[b.Name] = p
	return p.Start()
}

// startGateway starts Envoy Gateway, and waits for its Envoy unless egraft starts later.
func (e *Environment) startGateway(ctx context.Context) error {
	var extension []byte
	if !e.options.WithoutEgraft {
		var err error
		if extension, err = e.extensionManagers(ctx); err != nil {
			return err
		}
	}
	config, err := configure(e.Dir, e.options.RuntimeFlags, extension, []byte(e.options.Gateway))
	if err != nil {
		return err
	}
	e.Gateway = process.New(e.Dir, "envoy-gateway", e.programs[parts.EnvoyGateway], "server", "--config-path", config)
	if err := e.Gateway.Start(); err != nil || e.options.EgraftLater {
		return err
	}
	return e.WaitEnvoy(ctx)
}

// EnvoyEntry returns an entry that entitles Envoy to the SVID with a path.
func (e *Environment) EnvoyEntry(path string) Entry {
	return Entry{Path: path, Executable: e.envoyPath(), FederatesWith: e.options.Partners}
}

// Mode returns the issuer of SVIDs.
func (e *Environment) Mode() SPIFFEMode { return e.options.SPIFFE }

// Socket returns the path of egraft's socket, in its own directory.
func (e *Environment) Socket() string { return filepath.Join(e.Dir, "run", "egraft.sock") }

// EnvoyProgram returns the path of the Envoy that is entitled to an SVID.
func (e *Environment) EnvoyProgram() string { return e.envoyPath() }

// EgraftProgram returns the path of egraft, or of the program that runs in its place.
func (e *Environment) EgraftProgram() string {
	return e.programs[cmp.Or(e.options.Program, egraftProgram)]
}

func (e *Environment) egraft() *process.Process {
	command := []string{
		e.EgraftProgram(), "serve", "--socket", e.Socket(), "--admin-address", EgraftAdminAddress,
		"--log-level", "debug", "--log-format", "json", "--allow-special-destinations",
	}
	return process.New(e.Dir, "egraft", append(command, e.options.Egraft...)...)
}

// StartEgraft starts egraft and waits until it is ready.
func (e *Environment) StartEgraft(ctx context.Context) error {
	if err := e.Egraft.Start(); err != nil {
		return err
	}
	return e.Egraft.Wait(ctx, "egraft to be ready", func(ctx context.Context) error {
		_, err := e.EgraftAdmin(ctx, "/readyz")
		return err
	})
}

// extensionManager returns the configuration that egraft prints for Envoy Gateway.
func (e *Environment) extensionManager(ctx context.Context) ([]byte, error) {
	arguments := append([]string{"config", "envoy-gateway", "--format", "standalone", "--socket", e.Socket()}, e.options.Egraft...)
	cmd := exec.CommandContext(ctx, e.EgraftProgram(), arguments...)
	cmd.Env = process.Environ()
	out, err := cmd.Output()
	if err != nil {
		exit := &exec.ExitError{}
		errors.As(err, &exit)
		return nil, fmt.Errorf("egraft config envoy-gateway: %w\n%s", err, exit.Stderr)
	}
	return out, nil
}

// Stop ends all started processes and keeps the directory.
func (e *Environment) Stop() error {
	var processes []*process.Process
	for _, p := range e.Backends {
		processes = append(processes, p)
	}
	if e.Gateway != nil {
		processes = append(processes, e.Gateway)
	}
	err := process.StopAll(processes...)
	if e.Egraft != nil {
		err = errors.Join(err, e.Egraft.Stop())
	}
	for _, authority := range e.authorities() {
		err = errors.Join(err, authority.Close())
	}
	return err
}

// Close ends all started processes and removes the directory.
func (e *Environment) Close() error {
	return errors.Join(e.Stop(), os.RemoveAll(e.Dir))
}
