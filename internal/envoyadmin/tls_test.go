package envoyadmin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	sdsOfAgent = `"sds_config": {"api_config_source": {"api_type": "GRPC", "grpc_services": [{"google_grpc": {"target_uri": "unix:/run/agent.sock"}}]}}`
	sdsOfEnvoy = `"sds_config": {"ads": {}}`
)

func tlsCluster(name, common string) string {
	return `"name": "` + name + `", "transport_socket_matches": [{"transport_socket": {"typed_config": {"common_tls_context": {` + common + `}}}}]`
}

func TestSecurity(t *testing.T) {
	e := envoy("", pages{
		"dynamic_active_clusters": clusters(
			tlsCluster("agent", `"tls_certificate_sds_secret_configs": [{"name": "spiffe://td/envoy", `+sdsOfAgent+`}],
				"combined_validation_context": {"default_validation_context": {"match_typed_subject_alt_names": [{"san_type": "DNS"}, {"san_type": "URI"}]},
				"validation_context_sds_secret_config": {"name": "spiffe://td", `+sdsOfAgent+`}}`),
			tlsCluster("bare", `"validation_context": {"match_typed_subject_alt_names": [{"san_type": "DNS"}]}, "validation_context_sds_secret_config": {"name": "ROOTCA", "sds_config": {"api_config_source": {"api_type": "GRPC"}}}`),
			tlsCluster("plain", `"tls_certificate_sds_secret_configs": [{"name": "x", `+sdsOfEnvoy+`}], "validation_context": {"trusted_ca": {}}`),
			`"name": "none"`),
		"dynamic_listeners": `{"configs": [
			{"name": "ours", "active_state": {"listener": {"name": "ours", "filter_chains": [{"transport_socket": {"typed_config": {"common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "spiffe://td/l", ` + sdsOfAgent + `}]}}}}]}}, "draining_state": {"listener": {"x": {"common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "old", ` + sdsOfAgent + `}]}}}}},
			{"name": "bad", "error_state": {"details": "no such filter"}}]}`,
	})
	contexts, rejections, err := e.Security(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Rejection{{mutator.KindListener, "bad", "no such filter"}}, rejections)
	require.Equal(t, []TLS{
		{mutator.KindCluster, "agent", []Secret{{"spiffe://td/envoy", "/run/agent.sock"}}, []Secret{{"spiffe://td", "/run/agent.sock"}}, true},
		{mutator.KindCluster, "bare", nil, []Secret{{"ROOTCA", ""}}, false},
		{mutator.KindListener, "ours", []Secret{{"spiffe://td/l", "/run/agent.sock"}}, nil, false},
	}, contexts)
}

func TestSecurityOfNothing(t *testing.T) {
	contexts, rejections, err := envoy("", pages{}).Security(t.Context())
	require.NoError(t, err)
	require.Empty(t, contexts)
	require.Empty(t, rejections)
	_, _, err = envoy("", pages{"dynamic_active_clusters": "down"}).Security(t.Context())
	require.EqualError(t, err, "/config_dump: connection refused")
}
