package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// greeting is a feature with a custom resource.
func greeting() mutator.Feature {
	kind := policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Greeting"}, nil)
	return mutator.Feature{Name: "greeting", Hooks: []mutator.Hook{mutator.HookRoute}, Policies: []policy.Kind{kind}}
}

const greetingCRD = "kind: CustomResourceDefinition\nspec: {group: example.com, names: {kind: Greeting, plural: greetingz}}\n"

// TestManifestsOfOthers: manifests of a feature that is not built in are printed unless it is
// disabled.
func TestManifestsOfOthers(t *testing.T) {
	f := feature.New(greeting).WithCRDs([]byte(greetingCRD))
	got := custom(t, nil, []string{"config", "crds"}, f)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "name: bufferpolicies.egraft.io\n")
	require.Contains(t, got.stdout, "---\n"+greetingCRD)
	require.Empty(t, got.stderr)

	got = custom(t, nil, []string{"config", "crds", "--disable-features", "greeting,buffer"}, f)
	require.NotContains(t, got.stdout, "bufferpolicies")
	require.NotContains(t, got.stdout, greetingCRD)

	got = custom(t, nil, []string{"config", "rbac"}, f)
	require.Contains(t, got.stdout, "  - apiGroups: [example.com]\n    resources: [greetingz]\n    verbs: [get, list, watch]\n")

	got = custom(t, nil, []string{"config", "crds"}, feature.New(greeting))
	require.Zero(t, got.code)
	require.Equal(t, "egraft: this build has no CRD of Greeting.example.com: apply the one that comes with the feature\n", got.stderr)

	got = custom(t, nil, []string{"config", "crds"}, feature.New(greeting).WithCRDs([]byte("kind: Secret")))
	require.Equal(t, ExitFailure, got.code)
	require.Equal(t, "egraft: feature \"greeting\": read a CRD: a document is not of kind CustomResourceDefinition, with group and names in its spec\n", got.stderr)
}

// TestOverlayOfOthers: --image is required, because egraft's image does not have the feature.
func TestOverlayOfOthers(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ args, want string }{
		{"", "--output-dir is required: the component has several files"},
		{"-o=" + dir, "--image is required: this build has features that are not in egraft's image"},
	} {
		args := []string{"config", "kustomize"}
		if test.args != "" {
			args = append(args, test.args)
		}
		got := custom(t, nil, args, feature.New(greeting))
		require.Equal(t, ExitUsage, got.code)
		require.Equal(t, "egraft: "+test.want+"\nSee `egraft config kustomize --help`.\n", got.stderr)
	}
	for flag, want := range map[string]string{
		"--image=a b":                         `--image "a b" is not the reference of an image, such as registry.example/egraft:v1`,
		"--image=a\n- b":                      `--image "a\n- b" is not the reference of an image, such as registry.example/egraft:v1`,
		"--program=egraft":                    `--program "egraft" is not the path of a program, such as /egraft`,
		"--program=/a/../b":                   `--program "/a/../b" is not the path of a program, such as /egraft`,
		"--envoy-gateway-namespace=A":         `--envoy-gateway-namespace "A" is not the name of a namespace`,
		"--socket=/tmp/s":                     `the sidecar serves on /var/run/egraft/egraft.sock, not on /tmp/s`,
		"--disable-features=no-such":          `--disable-features: Unsupported value: "no-such"`,
		"--config=" + settingsFile(t, "{}\n"): `--config is a file that the sidecar does not have: pass its settings as flags`,
	} {
		got := custom(t, nil, []string{"config", "kustomize", "--image=a", "-o", dir, flag}, feature.New(greeting))
		require.Equal(t, ExitUsage, got.code, flag)
		require.Contains(t, got.stderr, want)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)

	got := custom(t, []string{"EGRAFT_DISABLE_FEATURES=greeting"}, []string{"config", "kustomize", "--image=a", "-o", dir}, feature.New(greeting))
	require.Zero(t, got.code, got.stderr)
	values, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(values), "kind: Greeting\n", "the sidecar does not have the variable")
}

func settingsFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "egraft.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
