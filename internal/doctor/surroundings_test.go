package doctor_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/pkg/mutator"
)

const agent = "/run/agent/agent.sock"

// context returns a TLS context that fetches secrets from an agent.
func context(uri bool, certificate, bundle string) envoyadmin.TLS {
	return envoyadmin.TLS{
		Kind: mutator.KindCluster, Name: "c", HasURI: uri,
		Certificates: []envoyadmin.Secret{{Name: certificate, Socket: agent}}, Bundles: []envoyadmin.Secret{{Name: bundle, Socket: agent}},
	}
}

func pod(name string, contexts ...envoyadmin.TLS) doctor.Envoy {
	return doctor.Envoy{Name: "pod " + name, InPod: true, Namespace: "eg", Account: "sa", Mounts: []doctor.Mount{{Path: "/run/agent", Volume: "csi"}}, Contexts: contexts}
}

// envoy modifies the only Envoy.
func envoy(change func(*doctor.Envoy)) func(*testing.T, *doctor.Facts) {
	return func(_ *testing.T, f *doctor.Facts) { change(&f.Envoys.Value[0]) }
}

func patch(name, path string) func(*testing.T, *doctor.Facts) {
	return func(_ *testing.T, f *doctor.Facts) {
		f.Patches.Value = []doctor.Patch{{Policy: "n/p", Name: name, Path: path}}
	}
}

func TestSurroundings(t *testing.T) {
	for _, s := range []state{
		{
			"any identity", envoy(func(e *doctor.Envoy) { e.Contexts[0].HasURI = false }),
			[]string{"failed AnyIdentity: pod a: cluster c verifies peers with spiffe://td, but accepts every SPIFFE ID"},
		},
		{"a bundle of another kind", envoy(func(e *doctor.Envoy) { e.Contexts[0].HasURI, e.Contexts[0].Bundles[0].Name = false, "company-ca" }), nil},
		{"no bundle", envoy(func(e *doctor.Envoy) { e.Contexts[0].HasURI, e.Contexts[0].Bundles = false, nil }), nil},
		{"rejected", envoy(func(e *doctor.Envoy) {
			e.Rejections = []envoyadmin.Rejection{{Kind: mutator.KindListener, Name: "l", Reason: "no such filter"}}
		}), []string{"failed UpdateRejected: pod a rejected listener l: no such filter"}},
		{"no answer", envoy(func(e *doctor.Envoy) { e.Err = "forbidden" }), []string{"warning UpdateRejected: pod a does not respond: forbidden"}},
		{"too many", envoy(func(e *doctor.Envoy) { *e = doctor.Envoy{Name: "70 more Envoys", Unasked: true} }), []string{"warning UpdateRejected: 70 more Envoys were not asked"}},
		{"no volume", envoy(func(e *doctor.Envoy) { e.Mounts = nil }), []string{"failed AgentNotMounted: pod a: no volume of Envoy has " + agent}},
		{"a volume of another directory", envoy(func(e *doctor.Envoy) { e.Mounts[0].Path = "/run/age" }), []string{"failed AgentNotMounted: pod a: no volume of Envoy has " + agent}},
		{"no pod", envoy(func(e *doctor.Envoy) { e.InPod, e.Mounts = false, nil }), nil},
		{"another server of secrets", envoy(func(e *doctor.Envoy) {
			e.Contexts[0].Certificates[0].Socket, e.Contexts[0].Bundles[0].Socket, e.Mounts = "", "", nil
		}), nil},
		{"a patch of what egraft adds", patch("egraft/backend-mtls/1/c", ""), []string{"failed PatchConflict: EnvoyPatchPolicy n/p changes all of egraft/backend-mtls/1/c, which egraft adds later"}},
		{"a patch of TLS", patch("c", "/transport_socket/x"), []string{"warning PatchConflict: EnvoyPatchPolicy n/p changes /transport_socket/x of c, which egraft replaces if a policy applies"}},
		{"a patch of something else", patch("egrafts", "/connect_timeout"), nil},
	} {
		s.run(t)
	}
}

// TestEntries: entries are commands in which each name is a single shell word.
func TestEntries(t *testing.T) {
	f := well(t)
	f.Envoys.Value = append(f.Envoys.Value,
		pod("b", context(true, "spiffe://td/envoy", "spiffe://td")),
		pod("c", context(true, "spiffe://td/x; rm -rf /'", "spiffe://partner.org"), context(true, "default", "ROOTCA")),
		doctor.Envoy{Name: "host", Contexts: []envoyadmin.TLS{context(true, "spiffe://td/host", "spiffe://td")}})
	for _, r := range doctor.Run(f) {
		if r.Name == "RegistrationEntries" {
			const in = " -selector k8s:ns:eg -selector k8s:sa:sa -selector k8s:container-name:envoy"
			require.Equal(t, []string{
				"spire-server entry create -parentID AGENT -spiffeID 'spiffe://td/x; rm -rf /'\\'''" + in + " -federatesWith spiffe://partner.org",
				"spire-server entry create -parentID AGENT -spiffeID spiffe://td/envoy" + in,
				"spire-server entry create -parentID AGENT -spiffeID spiffe://td/host -selector unix:path:PATH_OF_ENVOY",
			}, r.Lines)
			return
		}
	}
	require.Fail(t, "not checked")
}

// TestEntriesOfPodsElsewhere: the note warns of pods that may not be Envoys.
func TestEntriesOfPodsElsewhere(t *testing.T) {
	f := well(t)
	note := func() string {
		all := doctor.Run(f)
		return all[slices.IndexFunc(all, func(r doctor.Result) bool { return r.Name == "RegistrationEntries" })].Note
	}
	require.NotContains(t, note(), "whoever")
	f.Envoys.Value[0].Namespace, f.Envoys.Value[0].Elsewhere = "shop", true
	require.Contains(t, note(), "; whoever can create pods in shop can put any identity on this list for their own pods")
}

// TestManyProblems: the same problem in thousands of clusters does not fill the screen.
func TestManyProblems(t *testing.T) {
	f := well(t)
	for i := range 1000 {
		c := context(false, "spiffe://td/envoy", "spiffe://td")
		c.Name = fmt.Sprint(i)
		f.Envoys.Value[0].Contexts = append(f.Envoys.Value[0].Contexts, c)
	}
	for _, r := range doctor.Run(f) {
		require.LessOrEqual(t, len(r.Problems), 21)
		if r.Name == "AnyIdentity" {
			require.Equal(t, "and 980 more", r.Problems[20].Message)
		}
	}
}
