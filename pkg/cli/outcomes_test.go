package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	"github.com/stretchr/testify/require"
)

// kubeconfigOf writes a kubeconfig for a server.
func kubeconfigOf(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: c,
		clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c}}]}`, url), 0o600))
	return path
}

// withPolicy returns a translation with a policy that has no target.
func withPolicy(name string) *extension.PostTranslateModifyRequest {
	object := fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":%q,"uid":"u"},
		"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"trustDomain":"example.org","workloadIdentifier":"/envoy","allowAnyInTrustDomain":true}}`, name)
	return &extension.PostTranslateModifyRequest{PostTranslateContext: &extension.PostTranslateExtensionContext{
		ExtensionResources: []*extension.ExtensionResource{{UnstructuredBytes: object}},
	}}
}

// TestCallsDoNotWaitForKubernetes: the API server accepts requests and never responds, and many
// outcomes are new.
func TestCallsDoNotWaitForKubernetes(t *testing.T) {
	asked := make(chan string, 10)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice that the client is gone
		<-r.Context().Done()
	}))
	t.Cleanup(api.Close)
	socket := filepath.Join(t.TempDir(), "s")
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", "off", "--kubeconfig", kubeconfigOf(t, api.URL))
	client := dial(t, "unix:"+socket)
	_, err := client.PostTranslateModify(t.Context(), withPolicy("first"))
	require.NoError(t, err)
	require.Equal(t, "POST /apis/events.k8s.io/v1/namespaces/default/events", <-asked)

	began := time.Now()
	for i := range 100 {
		_, err := client.PostTranslateModify(t.Context(), withPolicy(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), 5*time.Second, "one request to Kubernetes takes 10 s")
	began = time.Now()
	require.Equal(t, ExitOK, stop())
	require.Less(t, time.Since(began), 5*time.Second, "the end does not wait for it either")
}

func TestChoiceOfOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		env    []string
		args   []string
		inPod  bool
		code   int
		stderr string
	}{
		{"never", nil, []string{"--kubernetes-outcomes", "never"}, true, ExitOK, ""},
		{"auto, elsewhere", nil, nil, false, ExitOK, ""},
		{
			"auto, in a pod without a token", nil, nil, true, ExitOK,
			`"msg":"policy outcomes are not written to Kubernetes","error":"read the pod's ServiceAccount: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory"`,
		},
		{
			"always, elsewhere",
			[]string{"EGRAFT_KUBERNETES_OUTCOMES=always"},
			nil, false, ExitFailure,
			"egraft: set up outcomes in Kubernetes: not in a Kubernetes pod, and no kubeconfig is set\n",
		},
		{
			"kubeconfig that is not there", nil,
			[]string{"--kubeconfig", "/none"},
			false, ExitFailure,
			"egraft: set up outcomes in Kubernetes: read kubeconfig /none: stat /none: no such file or directory\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token"); err == nil {
				t.Skip("this is a pod with a ServiceAccount")
			}
			t.Setenv("KUBERNETES_SERVICE_HOST", map[bool]string{true: "10.0.0.1"}[test.inPod])
			t.Setenv("KUBERNETES_SERVICE_PORT", "443")
			args := append([]string{"--socket", filepath.Join(t.TempDir(), "s"), "--admin-address", "off"}, test.args...)
			if test.code != ExitOK {
				got := egraft(t.Context(), test.env, append([]string{"serve"}, args...)...)
				require.Equal(t, test.code, got.code)
				require.Contains(t, got.stderr, test.stderr)
				return
			}
			stderr, stop := serving(t, test.env, args...)
			require.Equal(t, ExitOK, stop())
			require.Contains(t, stderr.String(), test.stderr)
			require.Equal(t, test.stderr != "", strings.Contains(stderr.String(), `"level":"WARN"`), stderr)
		})
	}
}
