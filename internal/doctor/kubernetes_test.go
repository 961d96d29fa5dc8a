package doctor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

func sidecar(pod string) doctor.Sidecar {
	return doctor.Sidecar{
		Pod: pod, Present: true, Ready: true,
		Gateway: []doctor.Mount{{Path: "/", Volume: "root"}, {Path: "/run", Volume: "v"}, {Path: "/running", Volume: "other"}},
		Egraft:  []doctor.Mount{{Path: "/run/", Volume: "v"}},
	}
}

func allowed(whose doctor.Owner, verb string) doctor.Permission {
	return doctor.Permission{Account: "account of " + string(whose), Whose: whose, Verb: verb, Resource: "things.example.com", Allowed: true}
}

// deployed sets facts in which egraft is a separate Deployment.
func deployed(_ *testing.T, f *doctor.Facts) {
	for i := range f.Sidecars.Value {
		f.Sidecars.Value[i].Present, f.Sidecars.Value[i].Ready = false, false
	}
}

func TestKubernetes(t *testing.T) {
	for _, s := range []state{
		{"deployed on its own", deployed, nil},
		{
			"one pod without egraft", func(_ *testing.T, f *doctor.Facts) { f.Sidecars.Value[1].Present = false },
			[]string{"failed SidecarMissing: pod eg/b has no container egraft"},
		},
		{
			"one that is not ready", func(_ *testing.T, f *doctor.Facts) { f.Sidecars.Value[1].Ready = false },
			[]string{"failed SidecarMissing: egraft in pod eg/b is not ready"},
		},
		{
			"no volume for Envoy Gateway", func(_ *testing.T, f *doctor.Facts) {
				f.Sidecars.Value[0].Gateway = []doctor.Mount{{Path: "/runner", Volume: "v"}}
			},
			[]string{"failed SocketNotShared: pod eg/a: the container envoy-gateway mounts no volume for /run/s"},
		},
		{
			"no volume for egraft", func(_ *testing.T, f *doctor.Facts) { f.Sidecars.Value[0].Egraft = nil },
			[]string{"failed SocketNotShared: pod eg/a: the container egraft mounts no volume for /run/s"},
		},
		{
			"two volumes", func(_ *testing.T, f *doctor.Facts) { f.Sidecars.Value[0].Egraft[0].Volume = "w" },
			[]string{"failed SocketNotShared: pod eg/a: the socket is v:/s for envoy-gateway and w:/s for egraft"},
		},
		{"one volume at two paths", func(t *testing.T, f *doctor.Facts) {
			each(func(e *doctor.Egraft) { e.Address = "/here/s" })(t, f)
			for i := range f.Sidecars.Value {
				f.Sidecars.Value[i].Egraft[0].Path = "/here"
			}
		}, nil},
		{
			"one volume and two folders", func(_ *testing.T, f *doctor.Facts) { f.Sidecars.Value[0].Gateway[1].SubPath = "x" },
			[]string{"failed SocketNotShared: pod eg/a: the socket is v:/x/s for envoy-gateway and v:/s for egraft"},
		},
		{"no CRD", func(_ *testing.T, f *doctor.Facts) {
			f.CRDs.Value.Missing = []wiring.Kind{{Group: "egraft.io", Version: "v1", Kind: "P"}}
		}, []string{"failed CRDMissing: the API server does not serve P.v1.egraft.io"}},
		{
			"an old CRD", func(_ *testing.T, f *doctor.Facts) { f.CRDs.Value.Schemas["fs.egraft.io/v1"] = "0" },
			[]string{"failed CRDOutdated: fs.egraft.io/v1 does not match the CRD of egraft v1"},
		},
		{
			"a newer CRD", func(_ *testing.T, f *doctor.Facts) {
				f.CRDs.Value.Schemas["fs.egraft.io/v1"], f.CRDs.Value.Extends = "3", map[string]string{"fs.egraft.io/v1": "2"}
			},
			[]string{"warning CRDOutdated: fs.egraft.io/v1 has fields that egraft v1 does not know"},
		},
		{
			"a CRD newer than that of another release", func(_ *testing.T, f *doctor.Facts) {
				f.CRDs.Value.Schemas["fs.egraft.io/v1"], f.CRDs.Value.Extends = "3", map[string]string{"fs.egraft.io/v1": "1"}
			},
			[]string{"failed CRDOutdated: fs.egraft.io/v1 does not match the CRD of egraft v1"},
		},
		{"CRDs that may not be read", func(_ *testing.T, f *doctor.Facts) { f.CRDs.Value.Schemas = nil }, nil},
		{"CRDs of others", func(_ *testing.T, f *doctor.Facts) { f.CRDs.Value.Schemas["other.example.com/v1"] = "0" }, nil},
		{"Envoy Gateway may not", func(_ *testing.T, f *doctor.Facts) {
			f.Permissions.Value[0].Allowed, f.Permissions.Value[1].Allowed = false, false
		}, []string{"failed GatewayPermissions: account of Envoy Gateway has no permission to list, watch things.example.com"}},
		{"egraft may not", func(_ *testing.T, f *doctor.Facts) {
			f.Permissions.Value[2].Allowed, f.Permissions.Value[2].Namespace = false, "n"
		}, []string{"warning EgraftPermissions: account of egraft has no permission to create things.example.com in namespace n"}},
	} {
		change := s.change
		s.change = func(t *testing.T, f *doctor.Facts) {
			f.Sidecars = doctor.Known([]doctor.Sidecar{sidecar("eg/a"), sidecar("eg/b")})
			require.Empty(t, bad(f))
			change(t, f)
		}
		s.run(t)
	}
}

// TestNoCluster: checks of Kubernetes are skipped for a standalone Envoy Gateway.
func TestNoCluster(t *testing.T) {
	f := well(t)
	f.Sidecars, f.CRDs = doctor.Fact[[]doctor.Sidecar]{}, doctor.Fact[doctor.CRDs]{}
	f.Permissions = doctor.Unknown[[]doctor.Permission]("you may not ask")
	for _, r := range doctor.Run(f) {
		if r.Group != doctor.GroupKubernetes {
			continue
		}
		require.Equal(t, doctor.Skipped, r.Status, r.Title)
		if r.Name == "EgraftPermissions" {
			require.Equal(t, "you may not ask", r.Note)
		} else if r.Name == "CRDMissing" {
			require.Equal(t, "no cluster was queried", r.Note)
		}
	}
}

// TestRemediesFitTheEnvironment: kubectl commands are only suggested for clusters, with the right namespaces.
func TestRemediesFitTheEnvironment(t *testing.T) {
	f := well(t)
	f.Running = configuration(t, alone, "1Mi", "2Mi")
	remedy := func() string {
		for _, r := range doctor.Run(f) {
			if r.Name == "NotLoaded" {
				return r.Problems[0].Remedy
			}
		}
		return ""
	}
	const first = "If this persists for two minutes, find out why Envoy Gateway does not load it, and restart Envoy Gateway:\n"
	require.Equal(t, first+"See the lines with config-loader in Envoy Gateway's log.", remedy())
	f.Sidecars = doctor.Known([]doctor.Sidecar{sidecar("eg/a")})
	require.Equal(t, first+"$ kubectl logs --namespace eg deployment/envoy-gateway --container envoy-gateway | grep config-loader\n"+
		"$ kubectl rollout restart --namespace eg deployment/envoy-gateway", remedy())
}
