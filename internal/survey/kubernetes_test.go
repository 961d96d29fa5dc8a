package survey

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

func pod(name string, ready bool, containers ...string) cluster.Pod {
	p := cluster.Pod{Namespace: "eg", Name: name, Containers: containers, Ready: ready}
	for _, c := range containers {
		p.Spec.InitContainers = append(p.Spec.InitContainers, cluster.Container{Name: c, VolumeMounts: []cluster.VolumeMount{{Name: "v", MountPath: "/" + c, SubPath: "s"}}})
	}
	return p
}

func TestSidecars(t *testing.T) {
	gateways := []cluster.Pod{pod("a", true, "egraft", "envoy-gateway"), pod("b", true, "egraft", "envoy-gateway"), pod("c", true, "envoy-gateway")}
	mount := func(of string) []doctor.Mount { return []doctor.Mount{{Path: "/" + of, Volume: "v", SubPath: "s"}} }
	require.Equal(t, []doctor.Sidecar{
		{Pod: "eg/a", Present: true, Ready: true, Gateway: mount("envoy-gateway"), Egraft: mount("egraft")},
		{Pod: "eg/b", Present: true, Gateway: mount("envoy-gateway"), Egraft: mount("egraft")},
		{Pod: "eg/c", Gateway: mount("envoy-gateway")},
	}, sidecars(gateways, []cluster.Pod{pod("a", true, "egraft"), pod("b", false, "egraft")}))
}

func TestQuestions(t *testing.T) {
	gateway, egraft := pod("a", true), pod("b", true)
	egraft.Spec.ServiceAccountName = "own"
	kind := func(k string) wiring.Kind { return wiring.Kind{Group: "g", Version: "v1", Kind: k} }
	needs := &wiring.Needs{Policies: []wiring.Kind{kind("P"), kind("Missing")}, Filters: []wiring.Kind{kind("F")}}
	plurals := map[wiring.Kind]string{kind("P"): "ps", kind("F"): "fs"}
	ask := func(egraft *cluster.Pod, namespaces ...string) (out []string) {
		for _, q := range questions(&gateway, egraft, needs, plurals, namespaces) {
			p := q.permission
			out = append(out, fmt.Sprintf("%s: %s %s of %s in %q", p.Account, p.Verb, p.Resource, q.group, p.Namespace))
		}
		return out
	}
	const theirs, ours = "system:serviceaccount:eg:default: ", "system:serviceaccount:eg:own: "
	require.Equal(t, []string{
		theirs + `get ps of g in "one"`, theirs + `list ps of g in "one"`, theirs + `watch ps of g in "one"`,
		theirs + `get fs of g in "one"`, theirs + `list fs of g in "one"`, theirs + `watch fs of g in "one"`,
		theirs + `update ps/status of g in "one"`,
		ours + `create events of events.k8s.io in ""`, ours + `patch events of events.k8s.io in ""`,
		ours + `get fs of g in ""`, ours + `patch fs/status of g in ""`,
	}, ask(&egraft, "one"))
	require.Len(t, ask(nil, "one", "two"), 14)
}

func TestWatchedNamespaces(t *testing.T) {
	of := func(text string) []string {
		c, err := wiring.Parse([]byte("kind: EnvoyGateway\n" + text))
		require.NoError(t, err)
		return watched(&doctor.Facts{Written: doctor.Known(doctor.Configuration{Config: c})})
	}
	require.Equal(t, []string{""}, of(""))
	require.Equal(t, []string{""}, of("provider: {type: Kubernetes, kubernetes: {watch: {type: NamespaceSelector}}}"))
	require.Equal(t, []string{"a", "b"}, of("provider: {type: Kubernetes, kubernetes: {watch: {type: Namespaces, namespaces: [a, b]}}}"))
}
