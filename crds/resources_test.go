package crds

import (
	"encoding/json"
	"flag"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/policy"
)

var update = flag.Bool("update", false, "write the API server's words into the cases of rejected")

// tolerated are cases that egraft accepts although the API server rejects them: to Go, a
// field that is an empty string or object is one that is not there, and gets the default.
var tolerated = []string{
	"certificates-empty", "failure-policy-empty", "format-empty", "header-mode-empty", "metadata-key-empty", "metadata-namespace-empty", "mode-empty", "plaintext-empty", "source-none",
	"sds-all-trust-bundles-empty", "sds-svid-empty", "sds-trust-bundle-empty",
}

// Each file of rejected breaks one rule, and begins with the API server's words for it.
func TestRejected(t *testing.T) {
	for _, crd := range definitions(t) {
		server := newServer(t, schemaOf(crd))
		for _, s := range samples(t, folder(crd, "rejected")) {
			t.Run(s.name, func(t *testing.T) {
				if *update {
					s.rewrite(t, server.errors(t, s.object))
				}
				assert.Equal(t, s.want, server.errors(t, s.object))
				if err := read(t, s.object).Err; slices.Contains(tolerated, s.name) {
					assert.NoError(t, err, "take it out of tolerated")
				} else {
					assert.Error(t, err, "egraft accepts it from a file")
				}
			})
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, crd := range definitions(t) {
		server := newServer(t, schemaOf(crd))
		for _, s := range samples(t, folder(crd, "accepted")) {
			t.Run(s.name, func(t *testing.T) {
				assert.Empty(t, server.errors(t, s.object))
				assert.NoError(t, read(t, s.object).Err, "egraft rejects what the API server lets through")
			})
		}
	}
}

// What an API server stores: with defaults, without unknown fields.
func TestStored(t *testing.T) {
	for _, crd := range definitions(t) {
		server := newServer(t, schemaOf(crd))
		in, out := samples(t, folder(crd, "stored", "in")), samples(t, folder(crd, "stored", "out"))
		require.Len(t, out, len(in))
		for i, s := range in {
			t.Run(s.name, func(t *testing.T) {
				assert.Equal(t, out[i].name, s.name)
				assert.Equal(t, out[i].object, server.store(s.object))
			})
		}
	}
}

// A resource from a file gets the defaults that it would get from an API server.
func TestDefaultsAreTheSameWithoutAPIServer(t *testing.T) {
	defaultsAreTheSame[v1alpha1.BackendMTLSPolicy](t, "egraft.io_backendmtlspolicies.yaml")
	defaultsAreTheSame[v1alpha1.BufferPolicy](t, "egraft.io_bufferpolicies.yaml")
	defaultsAreTheSame[v1alpha1.FrontendMTLSPolicy](t, "egraft.io_frontendmtlspolicies.yaml")
}

func defaultsAreTheSame[T any](t *testing.T, file string) {
	t.Helper()
	crd := definition(t, file)
	server := newServer(t, schemaOf(crd))
	for _, s := range samples(t, folder(crd, "accepted")) {
		t.Run(crd.Spec.Names.Kind+" "+s.name, func(t *testing.T) {
			stored := policy.Typed[T](read(t, server.store(s.object)))
			require.NotNil(t, stored)
			assert.Equal(t, stored, policy.Typed[T](read(t, s.object)))
		})
	}
}

// read gives a resource to egraft as Envoy Gateway would.
func read(t *testing.T, object map[string]any) *policy.Object {
	t.Helper()
	var kinds []policy.Kind
	for _, family := range catalog.Builtin(catalog.Options{}) {
		kinds = append(kinds, family.Policies...)
		kinds = append(kinds, family.Filters...)
		kinds = append(kinds, family.Backends...)
	}
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	set, err := policy.NewSet(kinds, [][]byte{raw})
	require.NoError(t, err)
	for _, kind := range kinds {
		for _, o := range set.Of(kind.GroupVersionKind) {
			return o
		}
	}
	require.FailNow(t, "no mutator reads this kind", "%s", raw)
	return nil
}

func folder(crd *apiextensions.CustomResourceDefinition, below ...string) string {
	return filepath.Join(append([]string{"testdata", crd.Spec.Names.Singular}, below...)...)
}
