package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/scaffold"
)

func module(kind string) *scaffold.Module {
	return &scaffold.Module{Kind: kind, Name: "say-hello", Path: "example.org/team/hello", Group: "gw.example.org", Egraft: "v0.0.0", Go: "1.26.7"}
}

// write writes a module that uses this copy of egraft.
func write(t *testing.T, m *scaffold.Module) string {
	t.Helper()
	here, err := filepath.Abs("../..")
	require.NoError(t, err)
	m.Replace = here
	files, err := m.Files()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, f := range files {
		require.NotRegexp(t, "@[A-Z]+@", f.Text, f.Path)
		file := filepath.Join(dir, f.Path)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(f.Text), 0o600))
	}
	return dir
}

func run(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "EGRAFT_E2ETEST=") // TestWriteAFeature runs the generated code on a real Envoy
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%.2000s", strings.Join(command, " "), out)
	return string(out)
}

// TestWorkflow: the workflow equals the template, which hack/check.sh lints.
func TestWorkflow(t *testing.T) {
	template, err := os.ReadFile("templates/common/ci.yml.txt")
	require.NoError(t, err)
	written, err := os.ReadFile(filepath.Join(write(t, module("policy")), ".github/workflows/test.yml"))
	require.NoError(t, err)
	require.Equal(t, string(template), string(written))
}

// TestModules: the generated code passes vet and its tests unmodified, and the CRD equals
// controller-gen's output for the type.
func TestModules(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles modules")
	}
	for _, kind := range []string{"policy", "filter"} {
		t.Run(kind, func(t *testing.T) {
			dir := write(t, module(kind))
			run(t, dir, "go", "mod", "tidy")
			require.Empty(t, run(t, dir, "gofmt", "-l", "."))
			run(t, dir, "go", "vet", "./...")
			run(t, dir, "go", "test", "./...")
			cases, err := filepath.Glob(dir + "/testdata/*/in.yaml")
			require.NoError(t, err)
			require.Len(t, cases, 5)
			crds, err := filepath.Glob(dir + "/gw.example.org_sayhello*.yaml")
			require.NoError(t, err)
			require.Len(t, crds, 1)
			before, err := os.ReadFile(crds[0])
			require.NoError(t, err)
			tool, err := filepath.Abs("../../hack/tool.sh")
			require.NoError(t, err)
			run(t, dir, tool, "controller-gen", "crd", "paths=.", "output:crd:dir=.")
			after, err := os.ReadFile(crds[0])
			require.NoError(t, err)
			require.Equal(t, string(after), string(before))
		})
	}
}

func TestNames(t *testing.T) {
	m := module("policy")
	require.Equal(t, "SayHelloPolicy", m.KindName())
	require.Equal(t, "sayhello", m.Package())
	require.NoError(t, m.Validate([]string{"buffer"}))
	for _, test := range []struct {
		change func(*scaffold.Module)
		want   string
	}{
		{func(m *scaffold.Module) { m.Name = "../x" }, `name "../x" must be lower-case words with dashes between them, such as hello-world`},
		{func(m *scaffold.Module) { m.Name = "Hello" }, `name "Hello" must be lower-case words with dashes between them, such as hello-world`},
		{func(m *scaffold.Module) { m.Name = strings.Repeat("a", 41) }, `name "` + strings.Repeat("a", 41) + `" has more than 40 characters`},
		{func(m *scaffold.Module) { m.Name = "ty-pe" }, `name "ty-pe" is invalid: the Go package cannot be named type`},
		{func(m *scaffold.Module) { m.Name = "buffer" }, `name "buffer" is already used by a built-in feature`},
		{func(m *scaffold.Module) { m.Path = "a b" }, `--module "a b" is not the path of a Go module, such as example.com/hello`},
		{func(m *scaffold.Module) { m.Path = "example.com/../x" }, `--module "example.com/../x" is not the path of a Go module, such as example.com/hello`},
		{func(m *scaffold.Module) { m.Path = "a\nreplace x => y" }, `--module "a\nreplace x => y" is not the path of a Go module, such as example.com/hello`},
		{func(m *scaffold.Module) { m.Group = "hello" }, `--group "hello" is not an API group, such as example.com`},
		{func(m *scaffold.Module) { m.Group = "policy.k8s.io" }, `--group "policy.k8s.io" belongs to Kubernetes: take a domain of your own`},
	} {
		m := module("policy")
		test.change(m)
		require.EqualError(t, m.Validate([]string{"buffer"}), test.want)
	}
}
