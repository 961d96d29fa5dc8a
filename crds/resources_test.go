package crds

import (
	"encoding/json"
	"flag"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/utils/ptr"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/policy"
)

var update = flag.Bool("update", false, "write the API server's words into the cases of rejected")

// tolerated are cases that egraft accepts although the API server rejects them: in Go, an empty
// string or object is the same as an absent field, and gets the default.
var tolerated = []string{
	"certificates-empty", "failure-policy-empty", "format-empty", "header-mode-empty", "metadata-key-empty", "metadata-namespace-empty", "mode-empty", "plaintext-empty", "source-none",
	"sds-all-trust-bundles-empty", "sds-svid-empty", "sds-trust-bundle-empty",
}

// TestRejected: each file in rejected breaks one rule, and begins with the API server's error.
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
					assert.NoError(t, err, "remove it from tolerated")
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
				assert.NoError(t, read(t, s.object).Err, "egraft rejects a resource that the API server accepts")
			})
		}
	}
}

// TestStored: an API server stores resources with defaults and without unknown fields.
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

// TestDefaultsAreTheSameWithoutAPIServer: a resource from a file gets the same defaults as from an
// API server.
func TestDefaultsAreTheSameWithoutAPIServer(t *testing.T) {
	for _, crd := range definitions(t) {
		server := newServer(t, schemaOf(crd))
		for _, s := range samples(t, folder(crd, "accepted")) {
			t.Run(crd.Spec.Names.Kind+" "+s.name, func(t *testing.T) {
				stored := read(t, server.store(s.object)).Content()
				require.NotNil(t, stored)
				assert.JSONEq(t, asJSON(t, stored), asJSON(t, read(t, s.object).Content()))
			})
		}
	}
}

func asJSON(t *testing.T, content any) string {
	raw, err := json.Marshal(content)
	require.NoError(t, err)
	return string(raw)
}

// TestEveryDefaultHasACase: for each default, the stored form of at least one case changes if the
// default is removed.
func TestEveryDefaultHasACase(t *testing.T) {
	for _, crd := range definitions(t) {
		assert.Empty(t, unusedDefaults(t, schemaOf(crd), samples(t, folder(crd, "accepted"))), crd.Name)
	}
}

func TestUnusedDefaultsAreFound(t *testing.T) {
	schema := &apiextensions.JSONSchemaProps{Type: "object", Properties: map[string]apiextensions.JSONSchemaProps{"spec": {
		Type: "object", Properties: map[string]apiextensions.JSONSchemaProps{"a": {Type: "string", Default: ptr.To[apiextensions.JSON]("x")}, "b": {Type: "string", Default: ptr.To[apiextensions.JSON]("y")}},
	}}}
	assert.Equal(t, []string{"spec.b default"}, unusedDefaults(t, schema, []sample{{object: parse(t, []byte("spec: {b: z}"))}}))
}

// TestKindsAreThoseOfTheCatalog: there is exactly one CRD for each kind that a mutator reads.
func TestKindsAreThoseOfTheCatalog(t *testing.T) {
	var defined, wanted []string
	for _, crd := range definitions(t) {
		defined = append(defined, crd.Spec.Group+"/"+crd.Spec.Versions[0].Name+", Kind="+crd.Spec.Names.Kind)
	}
	for _, kind := range kinds() {
		wanted = append(wanted, kind.String())
	}
	assert.ElementsMatch(t, wanted, defined)
}

// kinds returns the kinds that built-in mutators read.
func kinds() (all []policy.Kind) {
	for _, feature := range catalog.Builtin(catalog.Options{MaxBufferBytes: math.MaxUint32, AllowSpecialDestinations: true}) {
		all = slices.Concat(all, feature.Policies, feature.Filters, feature.Backends)
	}
	for i := range all { // a CRD cannot check this
		all[i] = all[i].WithGatewayClasses(func(_, _ string) bool { return true })
	}
	return all
}

// read passes a resource to egraft as Envoy Gateway does.
func read(t *testing.T, object map[string]any) *policy.Object {
	t.Helper()
	kinds := kinds()
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
