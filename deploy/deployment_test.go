package deploy

import (
	"net"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/egraft/egraft/internal/version"
)

// address is the address of the separate Deployment for Envoy Gateway.
const address = "egraft.egraft-system.svc:9443"

// own returns the separate Deployment.
func own(t *testing.T) *appsv1.Deployment {
	t.Helper()
	return object[appsv1.Deployment](t, build(t, "deployment"), "Deployment", "egraft")
}

// TestContainersAreAlike: both containers have the same image, security context and resources.
func TestContainersAreAlike(t *testing.T) {
	sidecar, alone := gateway(t).Spec.Template.Spec.InitContainers[0], own(t).Spec.Template.Spec.Containers[0]
	assert.Equal(t, sidecar.Image, alone.Image)
	assert.Equal(t, sidecar.SecurityContext, alone.SecurityContext)
	assert.Equal(t, sidecar.Resources, alone.Resources)
	assert.Equal(t, variable(t, &sidecar, "GOMEMLIMIT"), variable(t, &alone, "GOMEMLIMIT"))
	assert.Equal(t, version.Image+":"+version.Release, sidecar.Image)
}

func TestDeploymentServesWhereGatewayDials(t *testing.T) {
	all, container := build(t, "deployment"), own(t).Spec.Template.Spec.Containers[0]
	cfg := settings(t, &container)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	require.Equal(t, ":"+port, cfg.ListenAddress)
	require.Contains(t, read(t, "deployment/certificates.yaml"), "dnsNames: ["+host+"]\n")

	service := object[corev1.Service](t, all, "Service", "egraft")
	require.Equal(t, host, service.Name+"."+service.Namespace+".svc")
	require.Equal(t, own(t).Spec.Template.Labels, service.Spec.Selector)
	ports := map[string]string{"grpc": cfg.ListenAddress, "metrics": cfg.AdminAddress}
	require.Len(t, service.Spec.Ports, len(ports))
	for i, p := range service.Spec.Ports {
		assert.Equal(t, ports[p.Name], ":"+strconv.Itoa(int(p.Port)))
		assert.Equal(t, intstr.FromString(container.Ports[i].Name), p.TargetPort)
		assert.Equal(t, p.Port, container.Ports[i].ContainerPort)
	}
}

// TestDeploymentWantsMutualTLS: without all of these settings, anyone who can reach the port can
// call egraft.
func TestDeploymentWantsMutualTLS(t *testing.T) {
	pod := own(t).Spec.Template.Spec
	cfg := settings(t, &pod.Containers[0])
	require.False(t, cfg.Insecure)
	mount := mountOf(t, &pod.Containers[0], "tls")
	// The files that cert-manager writes.
	require.Equal(t, path.Join(mount.MountPath, "tls.crt"), cfg.TLSCertFile)
	require.Equal(t, path.Join(mount.MountPath, "tls.key"), cfg.TLSKeyFile)
	require.Equal(t, path.Join(mount.MountPath, "ca.crt"), cfg.TLSClientCAFile)
	certificates := read(t, "deployment/certificates.yaml")
	for _, secret := range []string{pod.Volumes[0].Secret.SecretName, "egraft-ca", "egraft-client"} {
		require.Contains(t, certificates, "secretName: "+secret+"\n")
	}
	require.Equal(t, *pod.Containers[0].SecurityContext.RunAsGroup, *pod.SecurityContext.FSGroup)
	require.Equal(t, int32(0o440), *pod.Volumes[0].Secret.DefaultMode)
}

func TestWhoMayReachTheDeployment(t *testing.T) {
	all := build(t, "deployment")
	selector := own(t).Spec.Selector
	require.Equal(t, *selector, object[networkingv1.NetworkPolicy](t, all, "NetworkPolicy", "egraft").Spec.PodSelector)
	require.Equal(t, selector, object[policyv1.PodDisruptionBudget](t, all, "PodDisruptionBudget", "egraft").Spec.Selector)
	extra := object[networkingv1.NetworkPolicy](t, build(t, "monitoring/deployment"), "NetworkPolicy", "egraft-metrics")
	require.Equal(t, *selector, extra.Spec.PodSelector)

	policy := object[networkingv1.NetworkPolicy](t, all, "NetworkPolicy", "egraft").Spec
	require.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, policy.PolicyTypes)
	require.Len(t, policy.Ingress, 1)
	require.Equal(t, intstr.FromString("grpc"), *policy.Ingress[0].Ports[0].Port)
	require.Len(t, policy.Ingress[0].From, 1, "namespace and pod in one peer: both have to match")
	require.NotNil(t, policy.Ingress[0].From[0].NamespaceSelector)
	require.NotNil(t, policy.Ingress[0].From[0].PodSelector)
}

// TestUnit: egraft accepts the command line of the systemd unit.
func TestUnit(t *testing.T) {
	_, command, found := strings.Cut(strings.ReplaceAll(read(t, "host/egraft.service"), "\\\n", " "), "ExecStart=/usr/local/bin/egraft serve")
	require.True(t, found)
	command, _, _ = strings.Cut(command, "\n")
	cfg := parse(t, strings.Fields(command), nil)
	require.Equal(t, ":9443", cfg.ListenAddress)
	require.NotEmpty(t, cfg.TLSClientCAFile)
	require.False(t, cfg.Insecure)
}
