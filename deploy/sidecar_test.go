package deploy

import (
	"encoding/json"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/config"
)

// settings reads a container's configuration of egraft, as egraft does.
func settings(t *testing.T, c *corev1.Container) *config.Config {
	t.Helper()
	require.Equal(t, "serve", c.Args[0])
	return parse(t, c.Args[1:], c.Env)
}

func parse(t *testing.T, args []string, env []corev1.EnvVar) *config.Config {
	t.Helper()
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	flags := config.AddFlags(set, nil)
	require.NoError(t, set.Parse(args))
	var environ []string
	for _, e := range env {
		environ = append(environ, e.Name+"="+e.Value)
	}
	require.Empty(t, config.UnknownVariables(environ, nil))
	cfg, errs := config.Load(config.Sources{Flags: flags, Environ: environ})
	require.Empty(t, errs)
	return cfg
}

// mountOf returns a container's mount of a volume.
func mountOf(t *testing.T, c *corev1.Container, volume string) *corev1.VolumeMount {
	t.Helper()
	for i := range c.VolumeMounts {
		if c.VolumeMounts[i].Name == volume {
			return &c.VolumeMounts[i]
		}
	}
	require.Failf(t, "no mount", "%s of %s", volume, c.Name)
	return nil
}

// TestSidecarAndGatewayMeet: Envoy Gateway waits for the sidecar, and only Envoy Gateway can reach
// its socket.
func TestSidecarAndGatewayMeet(t *testing.T) {
	pod := gateway(t).Spec.Template.Spec
	require.Len(t, pod.InitContainers, 1)
	sidecar := &pod.InitContainers[0]
	require.Equal(t, corev1.ContainerRestartPolicyAlways, *sidecar.RestartPolicy)
	cfg := settings(t, sidecar)

	require.Equal(t, config.DefaultSocket, cfg.Socket, "that is where helm/values.yaml sends Envoy Gateway")
	require.Equal(t, path.Dir(cfg.Socket), mountOf(t, sidecar, "egraft").MountPath)
	require.Len(t, pod.Containers, 1)
	mount := mountOf(t, &pod.Containers[0], "egraft")
	require.Equal(t, path.Dir(cfg.Socket), mount.MountPath)
	require.True(t, mount.ReadOnly)
	require.Equal(t, []uint32{uint32(*sidecar.SecurityContext.RunAsUser)}, cfg.AllowedUIDs, "Envoy Gateway's chart has the same user")
	require.Equal(t, *sidecar.SecurityContext.RunAsGroup, *pod.SecurityContext.FSGroup)
	require.Less(t, cfg.ShutdownTimeout, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second)
	require.Equal(t, config.Default().AdminAddress, cfg.AdminAddress, "nobody outside the pod needs it")
}

func TestProbesOfTheSidecar(t *testing.T) {
	sidecar := gateway(t).Spec.Template.Spec.InitContainers[0]
	require.Nil(t, sidecar.ReadinessProbe, "Envoys need Envoy Gateway also while egraft is away")
	for name, probe := range map[string]*corev1.Probe{"startup": sidecar.StartupProbe, "liveness": sidecar.LivenessProbe} {
		t.Run(name, func(t *testing.T) {
			command := probe.Exec.Command
			require.Equal(t, []string{"/egraft", "healthcheck"}, command[:2])
			require.Contains(t, egraft(t, append(command[1:], "--help")...), "Usage:\n  egraft healthcheck", "its flags exist")
			own, err := time.ParseDuration(strings.TrimPrefix(command[2], "--timeout="))
			require.NoError(t, err)
			require.Less(t, own, time.Duration(probe.TimeoutSeconds)*time.Second, "egraft says why, Kubernetes does not")
		})
	}
}

func TestMemory(t *testing.T) {
	c := gateway(t).Spec.Template.Spec.InitContainers[0]
	soft := resource.MustParse(strings.TrimSuffix(variable(t, &c, "GOMEMLIMIT"), "B"))
	share := float64(soft.Value()) / float64(c.Resources.Limits.Memory().Value())
	require.InDelta(t, 0.9, share, 0.01)
}

func variable(t *testing.T, c *corev1.Container, name string) string {
	t.Helper()
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	require.Failf(t, "no variable", "%s", name)
	return ""
}

// TestPatchIsTheComponent: `kubectl patch` with the component's file gives the same Deployment.
func TestPatchIsTheComponent(t *testing.T) {
	before, _, _ := strings.Cut(plain, "---")
	original, err := yaml.YAMLToJSON([]byte(before))
	require.NoError(t, err)
	patch, err := os.ReadFile("component/sidecar.yaml")
	require.NoError(t, err)
	change, err := yaml.YAMLToJSON(patch)
	require.NoError(t, err)
	patched, err := strategicpatch.StrategicMergePatch(original, change, appsv1.Deployment{})
	require.NoError(t, err)
	var got appsv1.Deployment
	require.NoError(t, json.Unmarshal(patched, &got))
	require.Equal(t, gateway(t), &got)
	require.Len(t, got.Spec.Template.Spec.Volumes, 2, "what was there stays")
}

func TestMonitoringOfTheSidecar(t *testing.T) {
	const line = "- ../monitoring/sidecar"
	sidecar := gateway(t, line).Spec.Template.Spec.InitContainers[0]
	require.Len(t, sidecar.Ports, 1)
	port := sidecar.Ports[0]
	require.Equal(t, ":"+strconv.Itoa(int(port.ContainerPort)), settings(t, &sidecar).AdminAddress)
	monitor := object[podMonitor](t, build(t, "chart", line), "PodMonitor", "egraft")
	require.Equal(t, "gateways", monitor.Metadata.Namespace)
	require.Equal(t, port.Name, monitor.Spec.PodMetricsEndpoints[0].Port)
}

// podMonitor is the part of a PodMonitor that is used here.
type podMonitor struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		PodMetricsEndpoints []struct {
			Port string `json:"port"`
		} `json:"podMetricsEndpoints"`
	} `json:"spec"`
}
