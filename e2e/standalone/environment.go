// Package standalone runs egraft with the real parts and without Kubernetes:
// Envoy Gateway with its file provider, the Envoy that it starts, a SPIFFE
// authority, and backends that demand client certificates.
//
// Call it inside a network namespace (package netns): the parts have fixed
// ports. It starts and stops processes and asks them questions; what is right
// is for demo and tests to say.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/e2e/parts"
)

// Paths of SPIFFE IDs that Envoy is entitled to.
const (
	EnvoyIdentity = "/envoy"
)

// Options say what an environment has.
type Options struct {
	// SPIFFE is [Dev] unless it says otherwise.
	SPIFFE SPIFFEMode
	// Egraft are additional arguments of `egraft serve`.
	Egraft []string
	// WithoutEgraft leaves egraft out of Envoy Gateway's configuration.
	WithoutEgraft bool
	// EgraftLater leaves starting egraft to the caller.
	EgraftLater bool
	// Backends are [DefaultBackends] unless they say otherwise.
	Backends []Backend
}

// Environment is a running set of parts.
type Environment struct {
	// Dir has everything that the parts write. Logs are in Dir/log.
	Dir string
	// Egraft, Gateway and Backends are the programs that were started. Envoy
	// is a child of Gateway.
	Egraft, Gateway *Process
	Backends        map[string]*Process
	// SPIFFE issues the SVIDs.
	SPIFFE Authority

	options  Options
	programs programs
}

// Start brings an environment up, to where Envoy answers. What was started is
// stopped again when it fails; the directory stays, and the error names it.
func Start(ctx context.Context, options Options) (*Environment, error) {
	if options.SPIFFE == "" {
		options.SPIFFE = Dev
	}
	if options.Backends == nil {
		options.Backends = DefaultBackends()
	}
	dir, err := newRunDir()
	if err != nil {
		return nil, err
	}
	e := &Environment{Dir: dir, options: options, Backends: map[string]*Process{}}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the environment in %s: %w", dir, err), e.Stop())
	}
	return e, nil
}

func (e *Environment) start(ctx context.Context) error {
	var err error
	if e.programs, err = prepared(e.options.SPIFFE); err != nil {
		return err
	}
	if err := e.Apply("base", baseResources(e.Dir)); err != nil {
		return err
	}
	if e.SPIFFE, err = e.newAuthority(); err != nil {
		return err
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

// startSPIFFE starts the authority and what needs it to start.
func (e *Environment) startSPIFFE(ctx context.Context) error {
	if err := e.SPIFFE.Start(ctx); err != nil {
		return err
	}
	if err := place(e.programs[parts.Envoy], envoyPath(e.Dir)); err != nil {
		return err
	}
	entries := []Entry{e.EnvoyEntry(EnvoyIdentity)}
	for _, b := range e.options.Backends {
		if err := place(e.programs[echoProgram], b.executable(e.Dir)); err != nil {
			return err
		}
		entries = append(entries, b.entry(e.Dir))
	}
	if err := e.SPIFFE.AddEntries(ctx, entries...); err != nil {
		return err
	}
	for _, b := range e.options.Backends {
		p := b.process(e.Dir, e.SPIFFE.Socket())
		e.Backends[b.Name] = p
		if err := p.Start(); err != nil {
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

// startGateway starts Envoy Gateway and waits for its Envoy, unless that waits
// for an egraft that starts later.
func (e *Environment) startGateway(ctx context.Context) error {
	var extension []byte
	if !e.options.WithoutEgraft {
		var err error
		if extension, err = e.extensionManager(ctx); err != nil {
			return err
		}
	}
	config, err := configure(e.Dir, extension)
	if err != nil {
		return err
	}
	e.Gateway = newProcess(e.Dir, "envoy-gateway", e.programs[parts.EnvoyGateway], "server", "--config-path", config)
	if err := e.Gateway.Start(); err != nil || e.options.EgraftLater {
		return err
	}
	return e.WaitEnvoy(ctx)
}

// EnvoyEntry entitles Envoy to the SVID with a path.
func (e *Environment) EnvoyEntry(path string) Entry {
	return Entry{Path: path, Executable: envoyPath(e.Dir)}
}

// Socket is the path of egraft's socket.
func (e *Environment) Socket() string { return filepath.Join(e.Dir, "egraft.sock") }

func (e *Environment) egraft() *Process {
	command := []string{e.programs[egraftProgram], "serve", "--socket", e.Socket(), "--admin-address", EgraftAdminAddress,
		"--log-level", "debug", "--log-format", "json"}
	return newProcess(e.Dir, "egraft", append(command, e.options.Egraft...)...)
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

// extensionManager is what egraft says Envoy Gateway has to be told.
func (e *Environment) extensionManager(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, e.programs[egraftProgram], "config", "envoy-gateway", "--format", "standalone", "--socket", e.Socket())
	out, err := cmd.Output()
	if err != nil {
		exit := &exec.ExitError{}
		errors.As(err, &exit)
		return nil, fmt.Errorf("egraft config envoy-gateway: %w\n%s", err, exit.Stderr)
	}
	return out, nil
}

// Stop ends all that was started and leaves the directory.
func (e *Environment) Stop() error {
	var processes []*Process
	for _, p := range e.Backends {
		processes = append(processes, p)
	}
	if e.Gateway != nil {
		processes = append(processes, e.Gateway)
	}
	err := stopAll(processes...)
	if e.Egraft != nil {
		err = errors.Join(err, e.Egraft.Stop())
	}
	if e.SPIFFE != nil {
		err = errors.Join(err, e.SPIFFE.Close())
	}
	return err
}

// Close ends all that was started and removes the directory.
func (e *Environment) Close() error {
	return errors.Join(e.Stop(), os.RemoveAll(e.Dir))
}
