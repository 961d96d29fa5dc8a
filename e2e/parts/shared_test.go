package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is a part that is built with the go command.
type built struct {
	t         *testing.T
	dir, pkg  string
	env, args []string // of go build
}

func builtPart(t *testing.T, r recipe) built {
	t.Helper()
	i := slices.Index(r.method, "build")
	require.Positive(t, i)
	return built{t: t, dir: filepath.Join("../../hack/tools", r.module), pkg: r.method[i-1], env: r.method[:i-1], args: r.method[i+1:]}
}

// packages returns the version of each package's module, with the one that replaces it if that is
// another. Go's own packages have no version.
func (b built) packages() map[string]string {
	b.t.Helper()
	const format = "{{.ImportPath}} {{with .Module}}{{.Path}}@{{.Version}}{{with .Replace}}=>{{.Version}}{{end}}{{end}}"
	cmd := exec.CommandContext(b.t.Context(), "go", append(append([]string{"list", "-deps", "-f", format}, listed(b.args)...), b.pkg)...)
	cmd.Dir, cmd.Env, cmd.Stderr = b.dir, append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), b.env...), os.Stderr
	out, err := cmd.Output()
	require.NoError(b.t, err)
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if required, other, replaced := strings.Cut(version, "=>"); replaced && strings.HasSuffix(required, "@"+other) {
			version = required
		}
		versions[pkg] = version
	}
	require.NotEmpty(b.t, versions)
	return versions
}

// flags returns the compiler's flags for a package, by the last pattern that matches.
func (b built) flags(pkg string) (flags string) {
	for _, arg := range b.args {
		pattern, ok := strings.CutPrefix(arg, "-gcflags=")
		if !ok {
			continue
		}
		pattern, value, _ := strings.Cut(pattern, "=")
		prefix, below := strings.CutSuffix(pattern, "/...")
		if pattern == "all" || pkg == prefix || below && strings.HasPrefix(pkg, prefix+"/") {
			flags = value
		}
	}
	return flags
}

// own is a module of which SPIRE needs its own version, see its go.mod.
const own = "github.com/spiffe/go-spiffe/v2@v2.8.1=>v2.6.0"

// TestShared: what other parts share with Envoy Gateway is compiled once, because the versions and
// flags are the same.
func TestShared(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads the modules of parts")
	}
	all := recipes(Versions{EnvoyGatewayVersions[0], EnvoyVersion})
	gateway := builtPart(t, all[EnvoyGateway])
	versions := gateway.packages()
	for name, least := range map[Name]int{Etcd: 200, APIServer: 1000, SPIREServer: 700, SPIREAgent: 400} {
		part, shared := builtPart(t, all[name]), 0
		need := map[string]bool{}
		for pkg, version := range part.packages() {
			want, ok := versions[pkg]
			switch {
			case !ok || version == own:
			case version != want:
				need[want] = true
			case version == "":
			default:
				assert.Equal(t, gateway.flags(pkg), part.flags(pkg), "%s: the flags of %s", name, pkg)
				shared++
			}
		}
		assert.Empty(t, need, "%s: in %s, run `go get` with these versions, which are Envoy Gateway's", name, part.dir)
		assert.GreaterOrEqual(t, shared, least, name)
	}
}
