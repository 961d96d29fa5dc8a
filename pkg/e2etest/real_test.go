package e2etest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/features/buffer"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

const bufferPolicy = `
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {name: uploads, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  maxRequestBytes: %s
`

// TestOnEnvoy is a test as an author writes it, with a built-in policy.
func TestOnEnvoy(t *testing.T) {
	env := Start(t, Options{Args: []string{"--cache-size", "0"}, EnvoyGateway: "logging: {level: {default: debug}}"})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") }))
	t.Cleanup(backend.Close)
	env.Apply(t, "shop", Route("shop", "shop.example.com", backend.URL))
	const url = "http://shop.example.com/"
	require.Equal(t, "200 hello", env.Until(t, url, Status(http.StatusOK)).String())
	require.Contains(t, env.Clusters(t), "httproute/default/shop/rule/0")

	env.Apply(t, "buffer", fmt.Sprintf(bufferPolicy, "10"))
	env.WaitInEffect(t, "bufferpolicy/default/uploads")
	response, err := env.Client().Post(url, "text/plain", strings.NewReader("more than ten bytes"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Contains(t, env.Explain(t, "gateway/default/eg", "--diff"), "max_request_bytes: 10")
	require.Contains(t, env.Listeners(t), "default/eg/http")
	require.Contains(t, env.RouteConfigurations(t), "default/eg/http")
	require.Contains(t, env.Log(t, "envoy-gateway"), "\tdebug\t")
	require.Zero(t, env.Rejected(t))

	dir := t.TempDir()
	recording, testdata := filepath.Join(dir, "recording"), filepath.Join(dir, "testdata")
	require.Regexp(t, "^[0-9]+ calls of ", env.Egraft(t, "record", recording, "--admin-address", env.AdminAddress()))
	made := env.Egraft(t, "cases", recording, testdata, "--feature", "buffer", "--only-changed")
	require.True(t, strings.HasPrefix(made, filepath.Join(testdata, "default-eg-programmed")+": calls: 1, "), made)
	mutatortest.Run(t, testdata, func() mutator.Feature { return buffer.New(64 << 20) })

	env.Delete(t, "buffer")
	env.Until(t, url, func(*Response) error {
		for name, l := range env.Listeners(t) {
			if strings.Contains(l.String(), "envoy.filters.http.buffer") {
				return fmt.Errorf("listener %s has the filter", name)
			}
		}
		return nil
	})
}

// TestOfWrongPolicy: a policy that does not take effect fails the test with the output of `egraft
// explain`.
func TestOfWrongPolicy(t *testing.T) {
	env := Start(t, Options{})
	env.Apply(t, "buffer", fmt.Sprintf(bufferPolicy, "a lot"))
	env.Apply(t, "shop", Route("shop", "shop.example.com", "http://127.0.0.1:1"))
	env.Until(t, "http://shop.example.com/", Status(http.StatusServiceUnavailable))
	env.patience /= 20
	require.Contains(t, failure(t, func(t testing.TB) { env.WaitInEffect(t, "bufferpolicy/default/uploads") }), "EGR301 Invalid")
}
