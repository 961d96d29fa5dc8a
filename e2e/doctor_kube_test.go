//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/survey"
	"github.com/egraft/egraft/internal/wiring"
	"github.com/egraft/egraft/pkg/catalog"
)

// gatewayPod is a pod of Envoy Gateway with an egraft in it. It does not run on any node.
const gatewayPod = `
apiVersion: v1
kind: ConfigMap
metadata: {namespace: envoy-gateway-system, name: envoy-gateway-config}
data: {envoy-gateway.yaml: "{kind: EnvoyGateway, extensionManager: {failOpen: true, service: {unix: {path: /var/run/egraft/egraft.sock}}}}"}
---
apiVersion: v1
kind: Pod
metadata: {namespace: envoy-gateway-system, name: envoy-gateway-0, labels: {control-plane: envoy-gateway}}
spec:
  serviceAccountName: envoy-gateway
  containers:
  - {name: envoy-gateway, image: none, volumeMounts: [{name: egraft, mountPath: /var/run/egraft}]}
  - {name: egraft, image: none, volumeMounts: [{name: egraft, mountPath: /var/run/egraft}]}
  volumes: [{name: egraft, emptyDir: {}}]
`

// doctorOn gathers facts from an API server, as a user, and adds an egraft that cannot run in the
// API server alone.
func doctorOn(t *testing.T, server *apiserver.Server) *doctor.Report {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Kubeconfig: server.Kubectl.Kubeconfig})
	require.NoError(t, err)
	f := &doctor.Facts{Now: time.Now(), Needs: wiring.NeedsOf(catalog.Builtin(catalog.Options{})), Socket: "/var/run/egraft/egraft.sock"}
	survey.Cluster(t.Context(), c, f)
	require.False(t, f.Egrafts.Known)
	schemas, err := crds.Schemas()
	require.NoError(t, err)
	f.Egrafts = doctor.Known([]doctor.Egraft{{
		Name: "egraft", Version: "v1", Started: f.Now, Needs: f.Needs, Network: "unix", Address: f.Socket, MaxMessageBytes: 1 << 20, Schemas: schemas,
	}})
	return doctor.NewReport(doctor.Run(f))
}

// inKubernetes returns the problems of that group.
func inKubernetes(r *doctor.Report) map[string][]string {
	out := map[string][]string{}
	for _, c := range r.Checks {
		if c.Group != doctor.GroupKubernetes {
			continue
		}
		for _, p := range c.Problems {
			out[c.Name] = append(out[c.Name], p.Message)
		}
	}
	return out
}

// TestDoctorInKubernetes: problems with CRDs and permissions on a real API server, each fixed by
// the remedy that the doctor names.
func TestDoctorInKubernetes(t *testing.T) {
	needsKubectl(t)
	server := startServer(t)
	admin := func(arguments ...string) {
		t.Helper()
		_, err := server.Kubectl.Run(t.Context(), arguments...)
		require.NoError(t, err)
	}
	admin("create", "namespace", "envoy-gateway-system")
	admin("create", "serviceaccount", "envoy-gateway", "--namespace", "envoy-gateway-system")
	require.NoError(t, server.Admin.Apply(t.Context(), gatewayPod))

	all, err := crds.Schemas()
	require.NoError(t, err)
	r := doctorOn(t, server)
	require.Len(t, inKubernetes(r)["CRDMissing"], len(all))
	require.Contains(t, inKubernetes(r)["CRDMissing"], "the API server does not serve HedgeFilter.v1alpha1.egraft.io")
	require.Equal(t, []string{"egraft in pod envoy-gateway-system/envoy-gateway-0 is not ready"}, inKubernetes(r)["SidecarMissing"])
	require.Contains(t, problems(r, doctor.Failed)["FailOpen"], "extensionManager has failOpen: true", "the ConfigMap is read")

	define(t, server)
	const account = "system:serviceaccount:envoy-gateway-system:envoy-gateway has no permission to "
	r = doctorOn(t, server)
	require.NotContains(t, inKubernetes(r), "CRDMissing")
	require.NotContains(t, inKubernetes(r), "CRDOutdated", "an API server keeps schemas as they are")
	require.Contains(t, inKubernetes(r)["GatewayPermissions"], account+"get, list, watch backendmtlspolicies.egraft.io")
	require.Contains(t, inKubernetes(r)["GatewayPermissions"], account+"update bufferpolicies.egraft.io/status")
	missing := []string{account + "create, patch events.events.k8s.io"}
	for _, plural := range []string{"hedgefilters", "httpfilters", "originaldestinationbackends"} {
		missing = append(missing, account+"get "+plural+".egraft.io", account+"patch "+plural+".egraft.io/status")
	}
	require.ElementsMatch(t, missing, inKubernetes(r)["EgraftPermissions"])

	admin("apply", "--kustomize", "../deploy/rbac")
	admin("patch", "crd", "bufferpolicies.egraft.io", "--type=json", "--patch",
		`[{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/description", "value": "another release"}]`)
	r = doctorOn(t, server)
	require.NotContains(t, inKubernetes(r), "GatewayPermissions")
	require.NotContains(t, inKubernetes(r), "EgraftPermissions")
	require.Equal(t, []string{"bufferpolicies.egraft.io/v1alpha1 does not match the CRD of egraft v1"}, inKubernetes(r)["CRDOutdated"])

	define(t, server)
	require.NotContains(t, inKubernetes(doctorOn(t, server)), "CRDOutdated")
}
