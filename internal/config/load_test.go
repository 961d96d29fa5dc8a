package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/mutator"
)

const header = "apiVersion: config.egraft.io/v1alpha1\nkind: EgraftConfiguration\n"

// parseFlags parses a command line.
func parseFlags(t *testing.T, args ...string) *Flags {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set, nil)
	require.NoError(t, set.Parse(args))
	return flags
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "egraft.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestDefaultsAreValid(t *testing.T) {
	cfg, errs := Load(Sources{})
	require.Empty(t, errs)
	require.Equal(t, Default(), cfg)
}

func TestPrecedence(t *testing.T) {
	file := writeFile(t, header+"callTimeout: 1s\nshutdownTimeout: 1s\nkeepaliveTime: 1s\n")
	cfg, errs := Load(Sources{
		Flags:   parseFlags(t, "--call-timeout=3s"),
		Environ: []string{"EGRAFT_CONFIG=" + file, "EGRAFT_CALL_TIMEOUT=2s", "EGRAFT_SHUTDOWN_TIMEOUT=2s"},
	})
	require.Empty(t, errs)
	require.Equal(t, 3*time.Second, cfg.CallTimeout, "flag")
	require.Equal(t, 2*time.Second, cfg.ShutdownTimeout, "environment")
	require.Equal(t, time.Second, cfg.KeepaliveTime, "file")
	require.Equal(t, 20*time.Second, cfg.KeepaliveTimeout, "default")

	cfg, errs = Load(Sources{
		Flags:   parseFlags(t, "--config", writeFile(t, header+"callTimeout: 7s")),
		Environ: []string{"EGRAFT_CONFIG=" + file},
	})
	require.Empty(t, errs)
	require.Equal(t, 7*time.Second, cfg.CallTimeout, "the flag's file")
}

// wanted returns the settings in all sources of TestEverySetting.
func wanted() *Config {
	return &Config{
		Socket: "/run/s", SocketMode: 0o666, SocketGroup: "envoy", AllowedUIDs: []uint32{1, 65532},
		MaxMessageSize: resource.MustParse("1Gi"), CacheSize: resource.MustParse("0"), JournalSize: resource.MustParse("1Mi"), CallTimeout: 90 * time.Second, MutatorTimeout: 3 * time.Second,
		ShutdownTimeout: time.Second, KeepaliveTime: time.Hour, KeepaliveTimeout: time.Minute, KeepaliveMinTime: 0,
		AdminAddress: "", Reflection: true, LogLevel: slog.LevelDebug, LogFormat: logging.JSON,
		KubernetesOutcomes: Always, Kubeconfig: "/k",
		EDSInitialFetchTimeout: 200 * time.Millisecond, FastClusterUpdates: true, IncludeAttemptCount: true, MaxBufferBytes: resource.MustParse("1.5Gi"),
		DisabledFeatures: []string{"a", "b"},
		FailurePolicies:  map[string]mutator.FailurePolicy{"c": mutator.Fail, "d": mutator.Ignore},
		NamespaceRules: tenancy.Rules{
			{Namespaces: []string{"infra", "team-*"}},
			{Namespaces: []string{"*"}, Kinds: []string{"K"}, TrustDomains: []string{"a.org"}, WorkloadIdentifiers: []string{"/ns/{namespace}/*", "/x"}, AgentSockets: []string{"/a"}, Filters: []string{"lua"}},
		},
		MaxInitialFetchTimeout: 5 * time.Second, MaxPeers: 8, MaxAgentSockets: 1, MaxSDSSecrets: 2, MaxFilters: 3,
	}
}

func TestEverySettingOfASocket(t *testing.T) {
	args := strings.Fields(`--socket=/run/s --socket-mode 666 --socket-group envoy --allowed-uids 1 --allowed-uids 65532
		--max-message-size 1Gi --cache-size 0 --journal-size 1Mi --call-timeout 1m30s --mutator-timeout 3s --shutdown-timeout 1s --keepalive-time 1h --keepalive-timeout 60s
		--keepalive-min-time 0s --admin-address off --reflection --log-level debug --log-format json
		--kubernetes-outcomes always --kubeconfig /k
		--eds-initial-fetch-timeout 200ms --fast-cluster-updates --include-attempt-count --max-buffer-bytes 1.5Gi --disable-features a,b --failure-policy c=Fail,d=Ignore
		--namespace-rules namespaces=infra,team-* --max-initial-fetch-timeout 5s --max-peers 8
		--namespace-rules namespaces=*;kinds=K;trustDomains=a.org;workloadIdentifiers=/ns/{namespace}/*,/x;agentSockets=/a;filters=lua
		--max-agent-sockets-per-namespace 1 --max-sds-secrets-per-namespace 2 --max-filters-per-namespace 3`)
	env := strings.Fields(`EGRAFT_SOCKET=/run/s EGRAFT_SOCKET_MODE=0666 EGRAFT_SOCKET_GROUP=envoy EGRAFT_ALLOWED_UIDS=1,65532
		EGRAFT_MAX_MESSAGE_SIZE=1Gi EGRAFT_CACHE_SIZE=0 EGRAFT_JOURNAL_SIZE=1Mi EGRAFT_CALL_TIMEOUT=90s EGRAFT_MUTATOR_TIMEOUT=3s EGRAFT_SHUTDOWN_TIMEOUT=1s EGRAFT_KEEPALIVE_TIME=1h
		EGRAFT_KEEPALIVE_TIMEOUT=1m EGRAFT_KEEPALIVE_MIN_TIME=0s EGRAFT_ADMIN_ADDRESS= EGRAFT_REFLECTION=true
		EGRAFT_LOG_LEVEL=debug EGRAFT_LOG_FORMAT=json EGRAFT_KUBERNETES_OUTCOMES=always EGRAFT_KUBECONFIG=/k
		EGRAFT_EDS_INITIAL_FETCH_TIMEOUT=0.2s EGRAFT_FAST_CLUSTER_UPDATES=true EGRAFT_INCLUDE_ATTEMPT_COUNT=1 EGRAFT_MAX_BUFFER_BYTES=1.5Gi EGRAFT_DISABLE_FEATURES=a,b
		EGRAFT_FAILURE_POLICY=c=Fail,d=Ignore HOME=/ EGRAFT_MAX_INITIAL_FETCH_TIMEOUT=5s EGRAFT_MAX_PEERS=8
		EGRAFT_MAX_AGENT_SOCKETS_PER_NAMESPACE=1 EGRAFT_MAX_SDS_SECRETS_PER_NAMESPACE=2 EGRAFT_MAX_FILTERS_PER_NAMESPACE=3`)
	env = append(env, "EGRAFT_NAMESPACE_RULES=namespaces=infra,team-*\n namespaces=*;kinds=K;trustDomains=a.org;workloadIdentifiers=/ns/{namespace}/*,/x;agentSockets=/a;filters=lua\n")
	file := header + `
socket: /run/s
socketMode: "0666"
socketGroup: envoy
allowedUIDs: [1, 65532]
maxMessageSize: 1Gi
cacheSize: 0
journalSize: 1Mi
callTimeout: 90s
mutatorTimeout: 3s
shutdownTimeout: 1s
keepaliveTime: 1h
keepaliveTimeout: 1m
keepaliveMinTime: 0s
adminAddress: "off"
reflection: true
logLevel: debug
logFormat: json
kubernetesOutcomes: always
kubeconfig: /k
edsInitialFetchTimeout: 200ms
fastClusterUpdates: true
includeAttemptCount: true
maxBufferBytes: 1.5Gi
disableFeatures: [a, b]
failurePolicy: {c: Fail, d: Ignore}
namespaceRules:
- namespaces: [infra, team-*]
- namespaces: ["*"]
  kinds: [K]
  trustDomains: [a.org]
  workloadIdentifiers: ["/ns/{namespace}/*", /x]
  agentSockets: [/a]
  filters: [lua]
maxInitialFetchTimeout: 5s
maxPeers: 8
maxAgentSocketsPerNamespace: 1
maxSDSSecretsPerNamespace: 2
maxFiltersPerNamespace: 3
`
	for name, src := range map[string]Sources{
		"flags":       {Flags: parseFlags(t, args...)},
		"environment": {Environ: env},
		"file":        {Flags: parseFlags(t, "--config", writeFile(t, file))},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, errs := Load(src)
			require.Empty(t, errs)
			cfg.from = nil
			require.Equal(t, wanted().MaxMessageSize.Value(), cfg.MaxMessageSize.Value())
			require.Equal(t, wanted().CacheSize.Value(), cfg.CacheSize.Value())
			require.Equal(t, wanted().JournalSize.Value(), cfg.JournalSize.Value())
			cfg.MaxMessageSize, cfg.CacheSize, cfg.JournalSize = wanted().MaxMessageSize, wanted().CacheSize, wanted().JournalSize // the formats may differ
			require.Equal(t, wanted(), cfg)
		})
	}
}

func TestTCP(t *testing.T) {
	cfg, errs := Load(Sources{Flags: parseFlags(t, "--listen-address", "[::1]:9443",
		"--tls-cert-file", "c", "--tls-key-file", "k", "--tls-client-ca-file", "a")})
	require.Empty(t, errs)
	network, address := cfg.Network()
	require.Equal(t, []string{"tcp", "[::1]:9443", "c", "k", "a"},
		[]string{network, address, cfg.TLSCertFile, cfg.TLSKeyFile, cfg.TLSClientCAFile})
	cfg, errs = Load(Sources{Environ: []string{"EGRAFT_LISTEN_ADDRESS=:1", "EGRAFT_INSECURE=true"}})
	require.Empty(t, errs)
	require.True(t, cfg.Insecure)
	network, address = Default().Network()
	require.Equal(t, []string{"unix", DefaultSocket}, []string{network, address})
}

func TestUnknownVariables(t *testing.T) {
	require.Equal(t, []string{"EGRAFT_SOCKETS", "EGRAFT_TLS_KEY"}, UnknownVariables([]string{
		"EGRAFT_TLS_KEY=x", "EGRAFT_SOCKETS=/a", "EGRAFT_SOCKET=/a", "EGRAFT_CONFIG=/b", "HOME=/",
		"EGRAFT_SERVICE_HOST=10.0.0.1", "EGRAFT_SERVICE_PORT_GRPC=9443", "EGRAFT_PORT=tcp://10.0.0.1:9443", "EGRAFT_PORT_9443_TCP_ADDR=10.0.0.1",
	}, nil))
}

func TestHiddenFlagsWork(t *testing.T) {
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set, nil, "socket")
	require.NoError(t, set.Parse([]string{"--call-timeout", "2s"}))
	require.True(t, set.Lookup("call-timeout").Hidden)
	require.False(t, set.Lookup("socket").Hidden)
	require.False(t, set.Lookup("config").Hidden)
	cfg, errs := Load(Sources{Flags: flags})
	require.Empty(t, errs)
	require.Equal(t, 2*time.Second, cfg.CallTimeout)
}
