package deploy

import (
	"strings"
	"testing"
	"text/template"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	labelName      = "gateway.envoyproxy.io/owning-gateway-name"
	labelNamespace = "gateway.envoyproxy.io/owning-gateway-namespace"
)

// TestSocketOfTheAgent: Envoy has the agent's socket at the path that policies use by default.
func TestSocketOfTheAgent(t *testing.T) {
	crd := read(t, "../crds/egraft.io_backendmtlspolicies.yaml")
	for _, file := range []string{"spire/envoyproxy-csi.yaml", "spire/envoyproxy-hostpath.yaml"} {
		t.Run(file, func(t *testing.T) {
			proxy := decode[egv1a1.EnvoyProxy](t, []byte(read(t, file)))
			deployment := proxy.Spec.Provider.Kubernetes.EnvoyDeployment
			require.Len(t, deployment.Pod.Volumes, 1)
			require.Len(t, deployment.Container.VolumeMounts, 1)
			mount := deployment.Container.VolumeMounts[0]
			require.Equal(t, deployment.Pod.Volumes[0].Name, mount.Name)
			require.True(t, mount.ReadOnly)
			require.Contains(t, crd, "default: "+mount.MountPath+"/spire-agent.sock\n")
		})
	}
}

// clusterSPIFFEID is the part of a ClusterSPIFFEID that is used here.
type clusterSPIFFEID struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
	Spec       struct {
		SPIFFEIDTemplate          string                `json:"spiffeIDTemplate"`
		NamespaceSelector         *metav1.LabelSelector `json:"namespaceSelector"`
		PodSelector               *metav1.LabelSelector `json:"podSelector"`
		WorkloadSelectorTemplates []string              `json:"workloadSelectorTemplates"`
	} `json:"spec"`
}

// TestIdentityOfEnvoy: the controller manager and the command of the README give the same identity
// to the same processes, and to no others.
func TestIdentityOfEnvoy(t *testing.T) {
	id := decode[clusterSPIFFEID](t, []byte(read(t, "spire/clusterspiffeid.yaml")))
	tmpl, err := template.New("").Parse(id.Spec.SPIFFEIDTemplate)
	require.NoError(t, err)
	var spiffeID strings.Builder
	require.NoError(t, tmpl.Execute(&spiffeID, map[string]any{
		"TrustDomain": "example.org",
		"PodMeta":     &metav1.ObjectMeta{Labels: map[string]string{labelName: "eg", labelNamespace: "default"}},
	}))
	readme := read(t, "spire/README.md")
	require.Contains(t, readme, "-spiffeID "+spiffeID.String()+" ")
	require.Contains(t, readme, "workloadIdentifier: "+strings.TrimPrefix(spiffeID.String(), "spiffe://example.org")+"\n")

	require.Equal(t, map[string]string{"kubernetes.io/metadata.name": "envoy-gateway-system"}, id.Spec.NamespaceSelector.MatchLabels,
		"labels alone are no proof of what a pod is")
	selector, err := metav1.LabelSelectorAsSelector(id.Spec.PodSelector)
	require.NoError(t, err)
	for _, label := range []string{labelName, labelNamespace} {
		assert.Contains(t, selector.String(), label)
		assert.Contains(t, readme, "-selector k8s:pod-label:"+label+":")
	}
	assert.Equal(t, []string{"k8s:container-name:envoy"}, id.Spec.WorkloadSelectorTemplates)
	assert.Contains(t, readme, "-selector k8s:container-name:envoy ")
	assert.Contains(t, readme, "-selector k8s:ns:envoy-gateway-system ")
}
