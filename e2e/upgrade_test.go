//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/version"
)

// nextVersion is the version of the build to which a cluster is upgraded: this checkout with an
// additional field.
const nextVersion = "v0.1.1"

// The position of the additional field in the next build: in the Go type of BackendMTLSPolicy and
// in its CRD.
const (
	policyType = "pkg/apis/v1alpha1/backendmtlspolicy.go"
	policyCRD  = "egraft.io_backendmtlspolicies.yaml"
	beforeType = "type BackendMTLSPolicySpec struct {\n"
	newerType  = "\t// NewerField is in the next release.\n\tNewerField string `json:\"newerField,omitempty\"`\n"
	beforeCRD  = "\n          spec:\n            description: Spec is the desired configuration.\n            properties:\n"
	newerCRD   = "              newerField:\n                type: string\n"
)

// insert inserts a text after another one that occurs once in a file.
func insert(s *scenario, path, behind, text string) {
	s.t.Helper()
	content, err := os.ReadFile(path)
	s.must(err)
	require.Equal(s.t, 1, strings.Count(string(content), behind), path)
	s.must(os.WriteFile(path, []byte(strings.Replace(string(content), behind, behind+text, 1)), 0o600))
}

// next builds the next version in a copy of this checkout, whose commit has the tag, loads its
// image into the cluster under the release's name, and returns the directory of the copy. It does
// this once.
func (c *inCluster) next(s *scenario) string {
	s.t.Helper()
	if c.copied != "" {
		return c.copied
	}
	dir := c.t.TempDir()
	for _, folder := range []string{"cmd", "crds", "deploy", "hack", "internal", "pkg"} {
		s.must(os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join("..", folder))))
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", file))
		s.must(err)
		s.must(os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	insert(s, filepath.Join(dir, policyType), beforeType, newerType)
	insert(s, filepath.Join(dir, "crds", policyCRD), beforeCRD, newerCRD)
	program := filepath.Join(s.t.TempDir(), "egraft")
	c.in(s, dir, "git", "init", "--quiet")
	c.in(s, dir, "git", "add", ".")
	c.in(s, dir, "git", "-c", "user.name=egraft", "-c", "user.email=egraft@example.org", "commit", "--quiet", "--message=next")
	c.in(s, dir, "git", "tag", nextVersion)
	c.in(s, dir, "hack/build.sh", program, "./cmd/egraft")
	c.load(s, program, version.Image+":"+nextVersion)
	c.copied = dir
	return dir
}

// in runs a command in a directory.
func (c *inCluster) in(s *scenario, dir, name string, arguments ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, name, arguments...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-buildvcs=true", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s %s\n%s", name, strings.Join(arguments, " "), out)
}

// load loads the image of a program into the cluster.
func (c *inCluster) load(s *scenario, program, reference string) {
	s.t.Helper()
	dir := s.t.TempDir()
	tool := filepath.Join(dir, "image")
	c.in(s, "../hack/tools/image", "go", "build", "-o", tool, ".")
	image, err := cluster.PackProgram(s.ctx, tool, dir, reference, program)
	s.must(err)
	s.must(c.Load(s.ctx, image))
}

// upgraded: from the release to the next build and back, twice, by kustomize, while requests are
// served. Afterwards, only a policy with a field that the older version does not know is invalid.
func (c *inCluster) upgraded(s *scenario) {
	next := c.next(s)
	overlay := c.overlay(s)
	steady, newer := manifest.Route{Name: "steady"}, manifest.Route{Name: "newer"}
	s.routes(echoRoute, steady, newer)
	s.policies(s.policy("HTTPRoute", steady.Name, ""))
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	s.until(steady.Host(), "the SVID", seesEnvoy)
	s.until(newer.Host(), "the SVID", seesEnvoy)
	requests := s.traffic(steady.Host())

	c.apply(s, overlay, version.Release)
	before := c.runs(s)
	require.NotEqual(s.t, nextVersion, before)
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", filepath.Join(next, "crds"))
	c.apply(s, overlay, nextVersion)
	require.Equal(s.t, nextVersion, c.runs(s))
	policy := s.policy("HTTPRoute", newer.Name, "")
	s.applied = append(s.applied, policy.Name)
	s.must(s.env.Apply(s.ctx, policy.Name, policy.YAML()+"  newerField: used\n"))
	c.hasEvent(s, "BackendMTLSPolicy/"+policy.Name, "Programmed EGR300")
	c.policiesStillWork(s)

	c.apply(s, overlay, version.Release)
	require.Equal(s.t, before, c.runs(s))
	s.until(newer.Host(), "the newer policy to be invalid", envoy.Status(500))
	c.hasEvent(s, "BackendMTLSPolicy/"+policy.Name, `Invalid EGR301: cannot be read: unknown field "spec.newerField"`)
	c.policiesStillWork(s)
	report := c.diagnose(s)
	require.Empty(s.t, problems(report, doctor.Failed))
	require.Contains(s.t, problems(report, doctor.Warning), "CRDOutdated", "with newer CRDs")

	c.apply(s, overlay, nextVersion)
	s.until(newer.Host(), "the newer policy to be in effect again", seesEnvoy)
	require.Equal(s.t, "used", s.kubectl(c, "get", "backendmtlspolicy", policy.Name, "--output=jsonpath={.spec.newerField}"))
	s.must(s.env.Delete(s.ctx, policy.Name))
	c.apply(s, overlay, version.Release)
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", "../crds")
	c.policiesStillWork(s)
	requests.waitServed(20)
	requests.mustAllBeServed()
	require.Empty(s.t, problems(c.diagnose(s), doctor.Failed))
}

// overlay returns a directory with a kustomization of Envoy Gateway's chart and egraft, as in
// deploy/README.md, with the image of a version.
func (c *inCluster) overlay(s *scenario) string {
	s.t.Helper()
	dir := s.t.TempDir()
	s.must(os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../deploy")))
	c.renderGateway(s, filepath.Join(dir, "deploy/chart/envoy-gateway.yaml"), "../deploy/helm/values.yaml")
	return dir
}

// apply applies the overlay with the image of a version, and waits for the rollout.
func (c *inCluster) apply(s *scenario, overlay, tag string) {
	s.t.Helper()
	s.must(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(`
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [deploy/chart]
images: [{name: `+version.Image+`, newTag: `+tag+`}]
`), 0o600))
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", overlay)
	c.rolledOut(s)
	for _, policy := range strings.Fields(s.kubectl(c, "get", "backendmtlspolicies", "--output=name")) {
		s.kubectl(c, "wait", policy, acceptedByGateway, "--timeout=20s")
	}
}

// runs returns the running version of egraft.
func (c *inCluster) runs(s *scenario) string {
	s.t.Helper()
	return c.versionIn(s, gatewayNamespace, gateway, "--container=egraft")
}

// versionIn returns the version of egraft in a container.
func (c *inCluster) versionIn(s *scenario, container ...string) string {
	s.t.Helper()
	out := s.kubectl(c, slices.Concat([]string{"exec"}, container, []string{"--", "/egraft", "version"})...)
	line, _, _ := strings.Cut(out, "\n")
	return strings.TrimPrefix(line, "egraft ")
}

// separate returns the running version of an egraft in pods of its own.
func (c *inCluster) separate(s *scenario) string {
	s.t.Helper()
	s.kubectl(c, "rollout", "status", "--namespace=egraft-system", "deployment/egraft", "--timeout=90s")
	return c.versionIn(s, "--namespace=egraft-system", "deployment/egraft")
}
