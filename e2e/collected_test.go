//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// collected: with the same permissions, a user saves the calls, and a bundle for a bug report that
// contains no private key of the cluster and no token.
func (c *inCluster) collected(t *scenario, kubeconfig, policy string) {
	c.httpsListener(t)
	dir := t.t.TempDir()
	recording, bundle := filepath.Join(dir, "recording.tar.gz"), filepath.Join(dir, "bundle.tar.gz")
	t.wait("the recording to have the HTTPS listener", func(ctx context.Context) error {
		out, problem, err := c.Environment.Run(ctx, nil, "egraft", "record", recording, "--kubeconfig", kubeconfig)
		if err != nil {
			return fmt.Errorf("%w: %s%s", err, out, problem)
		}
		for _, text := range t.unpacked(recording) {
			if strings.Contains(text, `"default/eg/https"`) {
				return nil
			}
		}
		return errors.New("it does not: " + out)
	})
	out, problem, err := c.Environment.Run(t.soon(), nil, "egraft", "collect", bundle, "--kubeconfig", kubeconfig)
	require.NoError(t.t, err, out+problem)
	out, problem, _ = c.Environment.Run(t.soon(), nil, "egraft", "explain", "backendmtlspolicy/default/"+policy, "--recording", recording)
	require.Contains(t.t, out, "✔ 3 applied by egraft", problem)

	files := t.unpacked(bundle)
	for _, name := range []string{"doctor.json", "explain.json"} {
		require.True(t.t, hasFile(files, name), "%s is not in the bundle", name)
	}
	for path, text := range t.unpacked(recording) {
		files["recording/"+path] = text
	}
	secrets := c.secrets(t)
	require.Greater(t.t, len(secrets), 2)
	token, err := os.ReadFile(kubeconfig)
	t.must(err)
	for line := range strings.Lines(string(token)) {
		if _, token, found := strings.Cut(line, "token: "); found {
			secrets["token of the kubeconfig"] = strings.TrimSpace(token)
		}
	}
	require.NotEmpty(t.t, secrets["token of the kubeconfig"])
	for path, text := range files {
		for of, secret := range secrets {
			if strings.Contains(text, secret) { // do not print it
				t.t.Errorf("%s has %s", path, of)
			}
		}
	}
}

func hasFile(files map[string]string, name string) bool {
	for path := range files {
		if strings.HasSuffix(path, "/"+name) {
			return true
		}
	}
	return false
}

// secrets returns parts of the private data in Kubernetes' Secrets, unmodified and in base64.
func (c *inCluster) secrets(t *scenario) map[string]string {
	t.t.Helper()
	var list struct {
		Items []struct {
			Metadata struct{ Namespace, Name string }
			Data     map[string][]byte
		}
	}
	t.must(json.Unmarshal([]byte(t.kubectl(c, "get", "secrets", "--all-namespaces", "--output=json")), &list))
	out := map[string]string{}
	for _, s := range list.Items {
		for key, value := range s.Data {
			lines := strings.Split(string(value), "\n")
			if !strings.HasSuffix(key, ".key") || len(lines) < 3 {
				continue
			}
			name := s.Metadata.Namespace + "/" + s.Metadata.Name + " " + key
			out[name] = lines[1]
			out[name+" in base64"] = base64.StdEncoding.EncodeToString(value)[60:120]
		}
	}
	return out
}

// unpacked returns the files of a tar file and of nested ones, by path.
func (s *scenario) unpacked(path string) map[string]string {
	s.t.Helper()
	data, err := os.ReadFile(path)
	s.must(err)
	files := map[string]string{}
	s.unpack(files, "", data)
	return files
}

func (s *scenario) unpack(files map[string]string, prefix string, data []byte) {
	s.t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	s.must(err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		s.must(err)
		text, err := io.ReadAll(r)
		s.must(err)
		files[prefix+h.Name] = string(text)
		if strings.HasSuffix(h.Name, ".tar.gz") {
			s.unpack(files, prefix+h.Name+"/", text)
		}
	}
}
