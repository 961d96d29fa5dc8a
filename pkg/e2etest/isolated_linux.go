package e2etest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// logLines is the number of lines of each log printed after a failure.
const logLines = 15

// isolated obtains the programs and runs the tests in a network namespace.
func isolated(m *testing.M, s *Setup) int {
	if netns.Inside() {
		return netns.Run(m.Run)
	}
	if err := netns.Possible(); err != nil {
		return without(m, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM) //nolint:forbidigo // TestMain is given none
	clean, err := s.prepare(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "e2etest: %v\n", err)
		return 1
	}
	defer clean()
	return netns.Run(m.Run)
}

// prepare obtains the programs that [start] runs. The caller must call clean at the end.
func (s *Setup) prepare(ctx context.Context) (clean func(), err error) {
	store, err := parts.NewReleaseStore(os.Stderr)
	if err != nil {
		return nil, err
	}
	versions, err := parts.ChosenVersions()
	if err != nil {
		return nil, err
	}
	for name, version := range map[parts.Name]string{
		parts.Envoy: cmp.Or(s.Envoy, versions.Envoy), parts.EnvoyGateway: cmp.Or(s.EnvoyGateway, versions.EnvoyGateway),
	} {
		path, err := store.GetVersion(ctx, name, version)
		if err != nil {
			return nil, err
		}
		if err := parts.Remember(name, path); err != nil {
			return nil, err
		}
	}
	switch {
	case s.Program == "" && s.Package == "":
		return nil, errors.New("Setup needs a Package or a Program")
	case s.Program != "" && s.Package != "":
		return nil, errors.New("Setup has a Package and a Program: only one of them is possible")
	case s.Package != "":
		return standalone.PrepareEgraft(ctx, s.Package)
	}
	path, err := filepath.Abs(s.Program)
	if err != nil {
		return nil, err
	}
	return func() {}, standalone.RememberEgraft(path)
}

// running is a running environment.
type running struct{ *standalone.Environment }

func start(ctx context.Context, o *Options) (environment, error) {
	e, err := standalone.Start(ctx, standalone.Options{
		Egraft: o.Args, Listeners: o.Listeners, MergeGateways: o.MergeGateways, MergeBackends: o.MergeBackends,
		RuntimeFlags: o.RuntimeFlags, Gateway: o.EnvoyGateway, Backends: []standalone.Backend{},
	})
	if errors.Is(err, parts.ErrNotPrepared) {
		err = fmt.Errorf("%w: TestMain must call e2etest.Main", err)
	}
	if err != nil {
		return nil, err
	}
	return running{e}, nil
}

func (r running) egraft(ctx context.Context, args ...string) (stdout, stderr []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, r.EgraftProgram(), args...)
	var out, problem bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = process.Environ(), &out, &problem
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		code, err = exit.ExitCode(), nil
	}
	return out.Bytes(), problem.Bytes(), code, err
}

func (running) addresses() (listener, admin string) {
	return standalone.ListenerAddress, standalone.EgraftAdminAddress
}

func (r running) configuration() string { return r.ConfigPath() }

func (r running) end(t testing.TB) {
	stop := r.Close
	if t.Failed() {
		r.WriteLogs(os.Stderr, logLines)
		t.Logf("the logs are in %s", filepath.Join(r.Dir, "log"))
		stop = r.Stop
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
