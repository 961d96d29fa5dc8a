//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestSurroundings: what egraft and Envoy depend on becomes unavailable and available again. The
// directory of egraft's socket is a file system with room for three files.
func TestSurroundings(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{EgraftLater: true, Backends: backendsForAll()})
	directory := filepath.Dir(f.Socket())
	f.must(unix.Mount("tmpfs", directory, "tmpfs", 0, "size=64k,nr_inodes=4,mode=0755"))
	t.Cleanup(func() { f.must(unix.Unmount(directory, unix.MNT_DETACH)) })
	f.must(f.StartEgraft(f.soon()))
	f.must(f.WaitEnvoy(f.soon()))
	f.run("socket deleted", (*fixture).socketDeleted)
	f.run("directory full", (*fixture).directoryFull)
	f.run("agent down", (*fixture).agentDown)
}

// socketDeleted: Envoy Gateway is connected and unaffected, and can connect again after a restart.
func (f *fixture) socketDeleted() {
	f.routes(echoRoute, plainRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	f.until(plainRoute.Host(), "a response", cleartext)
	others := f.traffic(plainRoute.Host())
	first, second := f.entitled("/connected"), f.entitled("/restarted")

	from := standalone.LogEnd(f.Egraft)
	begin := time.Now()
	f.must(os.Remove(f.Socket()))
	f.change(first)
	f.until(echoRoute.Host(), "the policy of "+first.Path, envoy.Peer(first.ID()))
	f.listensAgain(from)
	f.t.Logf("the socket is there again within %s", time.Since(begin).Round(time.Millisecond))
	others.mustAllBeServed()

	f.must(f.Gateway.Stop()) // and Envoy with it
	f.change(second)
	f.must(f.Gateway.Start())
	f.must(f.WaitEnvoy(f.soon()))
	f.until(echoRoute.Host(), "the policy of "+second.Path, envoy.Peer(second.ID()))
}

func (f *fixture) listensAgain(from int64) {
	f.t.Helper()
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the socket to be there again", standalone.Message("socket removed, listening again"))
	f.must(err)
	require.Equal(f.t, f.Socket(), line["path"])
	f.healthy(f.soon())
}

// directoryFull: an egraft whose socket was deleted reports why it cannot be reached, one that
// starts reports why it cannot, and both continue as soon as there is room.
func (f *fixture) directoryFull() {
	const noRoom = "bind: no space left on device"
	f.routes(echoRoute, plainRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	f.until(plainRoute.Host(), "a response", cleartext)
	others := f.traffic(plainRoute.Host())
	first, second := f.entitled("/connected"), f.entitled("/restarted")

	filler := f.fill()
	from := standalone.LogEnd(f.Egraft)
	f.must(os.Remove(f.Socket())) // egraft has it open, so this frees no space
	f.wait("egraft to say that nobody can connect", func(ctx context.Context) error {
		_, err := f.EgraftAdmin(ctx, "/readyz")
		return mustSay(err, "503 socket removed, new clients cannot connect: listen for Envoy Gateway: listen unix "+f.Socket()+": "+noRoom)
	})
	f.change(first)
	f.until(echoRoute.Host(), "the policy of "+first.Path+", by the old connection", envoy.Peer(first.ID()))
	f.must(os.Remove(filler))
	f.listensAgain(from)

	f.must(f.Egraft.Kill())
	f.must(os.Remove(f.Socket()))
	filler = f.fill()
	f.afterTranslation(func() { f.change(second) })
	err := f.StartEgraft(f.soon())
	require.ErrorContains(f.t, err, "egraft ended (exit status 1)")
	f.logged("egraft", "egraft: listen for Envoy Gateway: listen unix "+f.Socket()+": "+noRoom)
	f.must(os.Remove(filler))
	f.must(f.StartEgraft(f.soon()))
	f.until(echoRoute.Host(), "the policy of "+second.Path, envoy.Peer(second.ID()))
	others.mustAllBeServed()
}

// fill creates files next to the socket until there is no room, and returns one of them.
func (f *fixture) fill() (filler string) {
	f.t.Helper()
	for i := range 10 {
		name := filepath.Join(filepath.Dir(f.Socket()), fmt.Sprintf("filler-%d", i))
		switch err := os.WriteFile(name, nil, 0o600); {
		case errors.Is(err, syscall.ENOSPC):
			require.NotEmpty(f.t, filler)
			return filler
		default:
			f.must(err)
			filler = name
		}
	}
	f.t.Fatal("the directory is not as small as it should be")
	return ""
}

// mustSay returns an error unless err contains the text.
func mustSay(err error, text string) error {
	if err == nil {
		return fmt.Errorf("no error, and not %q", text)
	}
	if got := err.Error(); !strings.Contains(got, text) {
		return fmt.Errorf("%q, and not %q", got, text)
	}
	return nil
}

// agentDown: the agent is down when a policy is applied. Its route is rejected and recovers; other
// routes, including new ones, are served.
func (f *fixture) agentDown() {
	f.routes(echoRoute, plainRoute)
	f.until(plainRoute.Host(), "a response", cleartext)
	f.until(echoRoute.Host(), "the backend to reject cleartext", envoy.Status(400))
	f.must(f.SPIFFE.Stop())
	isBack := false
	f.t.Cleanup(func() {
		if !isBack {
			f.must(f.SPIFFE.Start(f.ctx))
		}
	})
	others := f.traffic(plainRoute.Host())
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), envoy.Status(503))
	late := manifest.Route{Name: "late", Port: plainRoute.Port}
	begin := time.Now()
	f.routes(late)
	f.until(late.Host(), "a response", cleartext)
	f.t.Logf("a new route of another backend serves after %s", time.Since(begin).Round(time.Millisecond))
	require.Equal(f.t, 503, f.get(echoRoute.Host(), "/").Status)

	begin = time.Now()
	f.must(f.SPIFFE.Start(f.soon()))
	isBack = true
	f.until(echoRoute.Host(), "the SVID", seesEnvoy)
	f.t.Logf("healed %s after the agent was back", time.Since(begin).Round(time.Millisecond))
	others.mustAllBeServed()
}
