package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// asMain makes the test binary a custom egraft, for tests of signals.
const asMain = "CLI_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		os.Exit(Main(withSlow))
	}
	os.Exit(m.Run())
}

// output is a stream that can be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// result is the result of a command.
type result struct {
	code           int
	stdout, stderr string
}

// egraft runs a command of a binary with the hello mutator.
func egraft(ctx context.Context, environ []string, args ...string) result {
	var stdout, stderr output
	code := run(ctx, args, &program{features: withHello, environ: environ, stdout: &stdout, stderr: &stderr})
	return result{code, stdout.String(), stderr.String()}
}

// mutatorNames returns the names of the features that the options enable.
func mutatorNames(o catalog.Options) (out []string) {
	for _, f := range withHello(o) {
		out = append(out, f.Name)
	}
	return out
}

func quoted(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }

// withHello returns the features that a custom binary passes to [Main].
func withHello(o catalog.Options) []mutator.Feature {
	return append(catalog.Builtin(o), mutator.Feature{
		Name: "hello", Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookRoute},
		Backends: []policy.Kind{kind("Hello")},
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			c.AltStatName = "hello"
			return nil
		}},
		Routes: mutator.Func[*routev3.Route]{When: func(*mutator.Input, mutator.View) bool { return false }},
	})
}

// slowRuns is what the slow mutator prints.
const slowRuns = "the slow mutator runs"

// withSlow adds a mutator that runs until its timeout.
func withSlow(o catalog.Options) []mutator.Feature {
	return append(withHello(o), mutator.Feature{
		Name: "slow", Hooks: []mutator.Hook{mutator.HookVirtualHost},
		VirtualHosts: mutator.Func[*routev3.VirtualHost]{Do: func(ctx context.Context, _ *mutator.Input, _ *routev3.VirtualHost) error {
			fmt.Fprintln(os.Stderr, slowRuns)
			<-ctx.Done()
			return ctx.Err()
		}},
	})
}

func kind(name string) policy.Kind {
	return policy.NewKind[map[string]any](schema.GroupVersionKind{Group: "test.egraft.io", Version: "v1", Kind: name}, nil)
}

// everything is a feature that needs everything that Envoy Gateway can send.
func everything() mutator.Feature {
	return mutator.Feature{
		Name: "everything", Hooks: mutator.Hooks(),
		Policies: []policy.Kind{kind("P"), kind("Q")}, Filters: []policy.Kind{kind("F")}, Backends: []policy.Kind{kind("B")},
		Clusters: nothing[*clusterv3.Cluster](), Listeners: nothing[*listenerv3.Listener](), Secrets: nothing[*tlsv3.Secret](),
		RouteConfigurations: nothing[*routev3.RouteConfiguration](),
	}
}

// nothing is a mutator that changes nothing.
func nothing[T proto.Message]() mutator.Planner[T] {
	return mutator.Func[T]{Do: func(context.Context, *mutator.Input, T) error { return nil }}
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name, args string
		env        []string
		want       result
	}{
		{"unknown command", "sever", nil, result{2, "", "egraft: unknown command \"sever\" for \"egraft\"\n\nDid you mean this?\n\tserve\n\nSee `egraft --help`.\n"}},
		{"unknown flag", "serve --sockets /a", nil, result{2, "", "egraft: unknown flag: --sockets\nSee `egraft serve --help`.\n"}},
		{"flag without value", "serve --socket", nil, result{2, "", "egraft: flag needs an argument: --socket\nSee `egraft serve --help`.\n"}},
		{"argument", "serve now", nil, result{2, "", "egraft: egraft serve takes no arguments, but got \"now\"\nSee `egraft serve --help`.\n"}},
		{"unknown program to configure", "config envoy", nil, result{2, "", "egraft: unknown command \"envoy\" for \"egraft config\"\nSee `egraft config --help`.\n"}},
		{"one setting", "serve --socket s", nil, result{2, "", "egraft: --socket: Invalid value: \"s\": must be an absolute path\nSee `egraft serve --help`.\n"}},
		{"several settings", "serve --socket s --disable-features hullo", []string{"EGRAFT_FAILURE_POLICY=hi=Deny"}, result{2, "", "egraft: 3 settings are invalid:\n" +
			"  --socket: Invalid value: \"s\": must be an absolute path\n" +
			"  --disable-features: Unsupported value: \"hullo\": supported values: " + quoted(mutatorNames(catalog.Everything())) + "\n" +
			"  EGRAFT_FAILURE_POLICY: Unsupported value: \"hi\": supported values: " + quoted(mutatorNames(catalog.Everything())) + "\n" +
			"See `egraft serve --help`.\n"}},
		{"nobody serves", "healthcheck --socket /no/such", nil, result{
			1, "",
			"egraft: check /no/such: connection error: desc = \"transport: Error while dialing: dial unix /no/such: connect: no such file or directory\"\n",
		}},
		{"no way to check", "healthcheck --listen-address :1 --insecure --admin-address off", nil, result{1, "", "egraft: cannot check a server on TCP without an admin address\n"}},
		{"unknown format", "config envoy-gateway --format json", nil, result{2, "", "egraft: --format \"json\" is not one of standalone, helm, configmap\nSee `egraft config envoy-gateway --help`.\n"}},
		{"nothing to configure", "config envoy-gateway --disable-features " + strings.Join(mutatorNames(catalog.Everything()), ","), nil, result{1, "", "egraft: no feature is enabled, so Envoy Gateway needs no extension manager\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, egraft(t.Context(), test.env, strings.Fields(test.args)...))
		})
	}
}

func TestServeThatCannot(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	got := egraft(t.Context(), nil, "serve", "--socket", taken, "--admin-address", "off", "--log-level", "error")
	require.Equal(t, result{1, "", "egraft: socket path \"" + taken + "\" exists and is not a socket: remove it or choose another path\n"}, got)
}

func TestVersion(t *testing.T) {
	got := egraft(t.Context(), nil, "version")
	require.Equal(t, ExitOK, got.code)
	require.Regexp(t, `^egraft \S+\ncommit \S+\ngo go1\.\S+ \w+/\w+\nenvoy gateway protocol `+version.EnvoyGateway+`\n$`, got.stdout)
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help", "serve"}, {"config"}, {"completion", "bash"}} {
		got := egraft(t.Context(), nil, args...)
		require.Equal(t, ExitOK, got.code, args)
		require.NotEmpty(t, got.stdout, args)
		require.Empty(t, got.stderr, args)
	}
}
