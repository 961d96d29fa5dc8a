//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/doctor"
)

// diagnose runs `egraft doctor` with an administrator's kubeconfig, from outside the cluster.
func (c *inCluster) diagnose(s *scenario) *doctor.Report {
	s.t.Helper()
	program := filepath.Join(s.t.TempDir(), "egraft")
	out, err := exec.CommandContext(s.ctx, "../hack/build.sh", program, "../cmd/egraft").CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	cmd := exec.CommandContext(s.ctx, program, "doctor", "--kubeconfig", c.Kubectl.Kubeconfig, "--output", "json")
	cmd.Env = process.Environ()
	out, err = cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	report := &doctor.Report{}
	require.NoError(s.t, json.Unmarshal(out, report), "%s", out)
	return report
}

// doctor: the installation of docs/install.md has no mistakes, and all checks could run. A pod with
// an Envoy's labels in another namespace than Envoy Gateway's is no Envoy.
func (c *inCluster) doctor(s *scenario) {
	s.routes(echoRoute)
	s.applied = append(s.applied, "impostor")
	s.must(s.env.Apply(s.ctx, "impostor", `
apiVersion: v1
kind: Pod
metadata:
  name: impostor
  namespace: default
  labels: {app.kubernetes.io/managed-by: envoy-gateway, app.kubernetes.io/component: proxy}
spec: {containers: [{name: envoy, image: egraft-impostor, imagePullPolicy: Never}]}
`))
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	report := c.diagnose(s)
	require.Empty(s.t, problems(report, doctor.Failed))
	require.Empty(s.t, problems(report, doctor.Warning))
	for _, r := range report.Checks {
		switch r.Name {
		case "ReplicasDiffer": // there is only one replica
		case "RegistrationEntries":
			require.Contains(s.t, r.Lines[0], "-spiffeID "+manifest.ID(manifest.EnvoyIdentity)+" -selector k8s:ns:envoy-gateway-system -selector k8s:sa:")
		default:
			require.Equal(s.t, doctor.OK, r.Status, "%s: %s", r.Title, r.Note)
		}
	}
}

// doctorFinds requires a mistake, by the name of its check.
func (c *inCluster) doctorFinds(s *scenario, name string) {
	s.t.Helper()
	require.Contains(s.t, problems(c.diagnose(s), doctor.Failed), name)
}
