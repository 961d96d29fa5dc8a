//go:build e2e

package e2e

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// managers is [standalone.Options.Managers].
type managers func(dir string, egraft map[string]any) ([]map[string]any, error)

// manager returns a copy of egraft's entry with other hooks, and with another name and socket if
// given.
func manager(egraft map[string]any, name, socket string, hooks ...any) map[string]any {
	out := maps.Clone(egraft)
	out["name"] = name
	if socket != "" {
		out["service"] = map[string]any{"unix": map[string]any{"path": socket}}
	}
	if len(hooks) > 0 {
		translator := maps.Clone(egraft["hooks"].(map[string]any)["xdsTranslator"].(map[string]any))
		translator["post"] = hooks
		out["hooks"] = map[string]any{"xdsTranslator": translator}
	}
	return out
}

// socketOf returns the socket on which egraft serves.
func socketOf(egraft map[string]any) string {
	return egraft["service"].(map[string]any)["unix"].(map[string]any)["path"].(string)
}

// second starts another egraft and returns its socket.
func second(t *testing.T, dir string, program parts.Name) (string, error) {
	socket := filepath.Join(dir, "second.sock")
	programs, err := parts.Prepared(program)
	if err != nil {
		return "", err
	}
	p := process.New(dir, "egraft-second", programs[program], "serve", "--socket", socket, "--admin-address", "off", "--log-format", "json")
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return socket, p.Start()
}

// chained makes Envoy Gateway call a chain of the servers on the sockets.
func chained(t *testing.T, dir string, egraft map[string]any, sockets ...string) ([]map[string]any, error) {
	c, err := newChain(t, sockets...)
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "chain.sock")
	return []map[string]any{manager(egraft, "chain", socket)}, serveExtension(t, socket, c)
}

// TestSeveralManagers tests Envoy Gateway's own chain of extension servers, with the example of a
// custom mutator, which adds a header to the responses of every virtual host.
func TestSeveralManagers(t *testing.T) {
	needs(t, here)
	silence := func(t *testing.T, dir string, egraft map[string]any) (map[string]any, error) {
		socket := filepath.Join(dir, "silent.sock")
		return manager(egraft, "silent", socket, "VirtualHost"), serveExtension(t, socket, silent{})
	}
	for name, c := range map[string]struct {
		managers func(t *testing.T, dir string, egraft map[string]any) ([]map[string]any, error)
		want     []string // values of the header
		says     string   // in egraft's log
	}{
		"two egrafts": {managers: func(t *testing.T, dir string, egraft map[string]any) ([]map[string]any, error) {
			socket, err := second(t, dir, customMutator)
			return []map[string]any{manager(egraft, "first", socket), manager(egraft, "egraft", "")}, err
		}, want: []string{"default/eg"}},
		// egraft knows that it could not add the header, and the mutator's failure policy is
		// Ignore.
		"behind silence": {managers: func(t *testing.T, dir string, egraft map[string]any) ([]map[string]any, error) {
			other, err := silence(t, dir, egraft)
			return []map[string]any{other, manager(egraft, "egraft", "")}, err
		}, says: "the call has no resource: an extension server before egraft in extensionManagers returned nothing; it must return what it received"},
		// egraft cannot detect this, see docs/multiple-extension-servers.md.
		"before silence": {managers: func(t *testing.T, dir string, egraft map[string]any) ([]map[string]any, error) {
			other, err := silence(t, dir, egraft)
			return []map[string]any{manager(egraft, "egraft", ""), other}, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, standalone.Options{Program: customMutator, Managers: func(dir string, egraft map[string]any) ([]map[string]any, error) {
				return c.managers(t, dir, egraft)
			}})
			f.routes(plainRoute)
			response := f.until(plainRoute.Host(), "a response", cleartext)
			require.Equal(t, c.want, response.Header.Values("x-gateway"))
			if c.says != "" {
				f.logged("egraft", "mutator failed", `"result":"ignored"`, c.says)
			}
		})
	}
}

// TestTwoEgrafts: a chain of two has the same result as one.
func TestTwoEgrafts(t *testing.T) {
	needs(t, here)
	var one map[string]string
	t.Run("one", func(t *testing.T) { one = policiesInEffect(t, nil) })
	t.Run("two", func(t *testing.T) {
		two := policiesInEffect(t, func(dir string, egraft map[string]any) ([]map[string]any, error) {
			socket, err := second(t, dir, "egraft")
			if err != nil {
				return nil, err
			}
			return chained(t, dir, egraft, socket, socketOf(egraft))
		})
		require.NoError(t, sameConfiguration(one, two))
	})
}

// policiesInEffect returns Envoy's configuration with a policy on the Gateway and one on a route.
func policiesInEffect(t *testing.T, m managers) map[string]string {
	t.Helper()
	f := start(t, standalone.Options{Backends: backendsForAll(), Managers: m})
	identity, tls := f.entitled("/route"), f.tlsRoute()
	f.routes(echoRoute, tls)
	own := f.policy("HTTPRoute", tls.Name, "")
	own.Identity = identity.Path
	f.policies(f.Policy(), own)
	f.until(echoRoute.Host(), "the Gateway's policy", seesEnvoy)
	f.until(tls.Host(), "the route's policy", envoy.Peer(identity.ID()))
	f.must(f.WaitSettled(f.soon()))
	out, err := (&chaos{fixture: f}).configuration(f.soon())
	f.must(err)
	return out
}

// TestBehindSilence: egraft rejects a call that concerns a policy and has no resource, since Envoy
// Gateway would otherwise continue without the policy. Other routes are unmodified.
func TestBehindSilence(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Backends: backendsForAll(), Managers: func(dir string, egraft map[string]any) ([]map[string]any, error) {
		socket := filepath.Join(dir, "silent.sock")
		if err := serveExtension(t, socket, silent{}); err != nil {
			return nil, err
		}
		return chained(t, dir, egraft, socket, socketOf(egraft))
	}})
	backend := f.recorder()
	f.routes(echoRoute, plainRoute)
	f.effect(f.policy("Gateway", "eg", "http"), echoRoute.Host(), seesEnvoy)

	route := backend.route("protected", "")
	from := standalone.LogEnd(f.Egraft)
	f.policies(f.policy("HTTPRoute", route.Name, ""))
	f.must(f.Apply(f.ctx, route.Name, route.YAML()))
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "a call to be rejected", standalone.Message("call failed"))
	f.must(err)
	require.Equal(t, "Route", line["hook"])
	require.Equal(t, "Route hook: feature backend-mtls: the call has no resource: an extension server before egraft in extensionManagers returned nothing; it must return what it received", line["error"])
	_, err = f.WaitText(f.soon(), f.Gateway, "the call has no resource")
	f.must(err)
	require.Equal(t, 404, f.get(route.Host(), "/").Status, "Envoy Gateway keeps what it had")
	require.True(t, seesEnvoy(f.get(echoRoute.Host(), "/")))
	require.Zero(t, backend.connections.Load())
}

// TestBeforeSilence: egraft can neither detect nor prevent that a later server drops resources. A
// route's policy is lost with the route metadata for the Translation hook; the Gateway's policy,
// which needs only that hook, is in effect.
func TestBeforeSilence(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Backends: backendsForAll(), Managers: func(dir string, egraft map[string]any) ([]map[string]any, error) {
		socket := filepath.Join(dir, "silent.sock")
		if err := serveExtension(t, socket, silent{}); err != nil {
			return nil, err
		}
		return chained(t, dir, egraft, socketOf(egraft), socket)
	}})
	identity := f.entitled("/route")
	own := f.policy("HTTPRoute", echoRoute.Name, "")
	own.Identity = identity.Path
	f.policies(f.Policy(), own)
	f.routes(echoRoute)
	f.until(echoRoute.Host(), "the Gateway's policy in place of the route's", seesEnvoy)
}
