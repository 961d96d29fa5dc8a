package builder

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseModule(t *testing.T) {
	for text, want := range map[string]Module{
		"example.com/a":             {Package: "example.com/a"},
		"example.com/a@v1.0.0":      {Package: "example.com/a", Version: "v1.0.0"},
		"example.com/a/b=../a":      {Package: "example.com/a/b", Path: "../a"},
		"example.com/a@main=C:/a=b": {Package: "example.com/a", Version: "main", Path: "C:/a=b"},
	} {
		got, err := ParseModule(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for text, want := range map[string]string{
		"":                       `"" is not the import path of a Go package, such as example.com/hello`,
		"-exec=x":                `"-exec" is not the import path of a Go package, such as example.com/hello`,
		"a\"; import \"x":        `"a\"; import \"x" is not the import path of a Go package, such as example.com/hello`,
		"./hello":                `"./hello" is not the import path of a Go package, such as example.com/hello`,
		"example.com/a@":         `"example.com/a@" is not PACKAGE[@VERSION][=PATH], such as example.com/hello@v1.0.0`,
		"example.com/a=":         `"example.com/a=" is not PACKAGE[@VERSION][=PATH], such as example.com/hello@v1.0.0`,
		"example.com/a@-v":       `example.com/a: "-v" is not a version, such as v1.0.0`,
		"example.com/a@v1\nv2=x": `example.com/a: "v1\nv2" is not a version, such as v1.0.0`,
	} {
		_, err := ParseModule(text)
		require.EqualError(t, err, want)
	}
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	locate := func(pkg string) error { return (&Module{Package: pkg, Path: dir}).locate() }
	require.EqualError(t, locate("example.com/a"), "example.com/a: "+dir+" has no go.mod")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("// a\nmodule example.com/a // b\n"), 0o600))
	require.NoError(t, locate("example.com/a"))
	require.NoError(t, locate("example.com/a/b"))
	require.EqualError(t, locate("example.com/ab"), "example.com/ab is not in "+dir+", which is module example.com/a")
}

// proxy is a directory of modules, in the form of a module proxy.
type proxy struct {
	t   *testing.T
	dir string
}

// add adds a module whose package imports those of the modules it requires. egraft's module also
// has the packages that a build imports.
func (p proxy) add(path, version string, requires ...string) {
	p.t.Helper()
	dir := filepath.Join(p.dir, path, "@v")
	require.NoError(p.t, os.MkdirAll(dir, 0o700))
	mod, code := "module "+path+"\n\ngo 1.26.0\n", "package a\n"
	for _, r := range requires {
		mod += "require " + r + "\n"
		code += fmt.Sprintf("import _ %q\n", strings.Fields(r)[0])
	}
	packages := map[string]string{"go.mod": mod, "a.go": code}
	if path == egraftModule {
		for _, name := range []string{"catalog", "cli", "feature", "mutator"} {
			packages["pkg/"+name+"/a.go"] = "package " + name + "\n"
		}
	}
	files := map[string]string{version + ".mod": mod, version + ".info": fmt.Sprintf(`{"Version":%q}`, version)}
	for name, text := range files {
		require.NoError(p.t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	require.NoError(p.t, err)
	z := zip.NewWriter(f)
	for name, text := range packages {
		w, err := z.Create(path + "@" + version + "/" + name)
		require.NoError(p.t, err)
		_, err = w.Write([]byte(text))
		require.NoError(p.t, err)
	}
	require.NoError(p.t, z.Close())
	require.NoError(p.t, f.Close())
}

// build returns a build that finds only these modules.
func (p proxy) build(modules ...Module) *Build {
	p.t.Helper()
	cache := p.t.TempDir()
	environ := append(os.Environ(), "GOPROXY=file://"+p.dir, "GONOSUMDB=*", "GOFLAGS=-modcacherw", "GONOSUMCHECK=1", "GOSUMDB=off", "GOMODCACHE="+cache)
	tool, err := FindGo(environ)
	require.NoError(p.t, err)
	b := &Build{Egraft: Module{Version: "v0.1.0"}, Modules: modules, Output: p.t.TempDir(), Go: tool, Log: os.Stderr}
	return b
}

// TestConflict: the error names modules that require a version other than the requested one.
func TestConflict(t *testing.T) {
	p := proxy{t, t.TempDir()}
	p.add(egraftModule, "v0.1.0")
	p.add(egraftModule, "v0.2.0")
	p.add("example.com/old", "v1.0.0", egraftModule+" v0.1.0")
	p.add("example.com/new", "v1.0.0", egraftModule+" v0.2.0")
	p.add("example.com/deep", "v1.0.0", "example.com/new v1.0.0")
	old, newer, deep := Module{Package: "example.com/old", Version: "v1.0.0"}, Module{Package: "example.com/new", Version: "v1.0.0"}, Module{Package: "example.com/deep", Version: "v1.0.0"}

	require.NoError(t, p.build(old).resolve(t.Context()))

	err := p.build(old, newer).resolve(t.Context())
	require.EqualError(t, err, `the modules require other versions than the ones you named:
  example.com/new@v1.0.0 requires github.com/egraft/egraft@v0.2.0, not github.com/egraft/egraft@v0.1.0
Name the required version, or another version of the module that requires it`)

	err = p.build(deep).resolve(t.Context())
	require.EqualError(t, err, `the modules require other versions than the ones you named:
  example.com/deep@v1.0.0 indirectly requires github.com/egraft/egraft@v0.2.0, not github.com/egraft/egraft@v0.1.0
Name the required version, or another version of the module that requires it`)

	b := p.build(old, newer)
	b.Egraft.Version = "v0.2.0"
	require.NoError(t, b.resolve(t.Context()))
	b.Egraft.Version = "v0.1.0" // as if tests of the modules required a newer version than their packages
	require.EqualError(t, b.demands(t.Context()), `the modules require github.com/egraft/egraft v0.2.0, not v0.1.0:
  example.com/new@v1.0.0 requires v0.2.0
  example.com/old@v1.0.0 requires v0.1.0`)

	err = p.build(Module{Package: "example.com/none", Version: "v1.0.0"}).resolve(t.Context())
	require.ErrorContains(t, err, "example.com/none@v1.0.0")
}

func TestDemandsOf(t *testing.T) {
	graph := "egraft github.com/egraft/egraft@v0.2.0\nexample.com/b@v1.0.0 github.com/egraft/egraft@v0.2.0\n" +
		"example.com/a@v1.0.0 github.com/egraft/egraft@v0.1.0\nexample.com/a@v1.0.0 example.com/c@v1.0.0\n"
	require.Equal(t, []string{"example.com/a@v1.0.0 requires v0.1.0", "example.com/b@v1.0.0 requires v0.2.0"}, demandsOf(egraftModule, graph))
}

// TestExplain: a compiler error about a package without the function becomes an instruction.
func TestExplain(t *testing.T) {
	b := &Build{Modules: []Module{{Package: "example.com/a"}, {Package: "example.com/b"}}}
	compiler := func(text string) error { return &goError{[]string{"build"}, os.ErrInvalid, text} }
	require.EqualError(t, b.explain(compiler("./main.go:20:5: undefined: f1.Features\n")),
		"package example.com/b has no func Features() []feature.Registration, by which a build finds its features")
	require.EqualError(t, b.explain(compiler(`main.go:9:2: import "example.com/a" is a program, not an importable package`)),
		"package example.com/a is a program: name the package with func Features() []feature.Registration")
	require.EqualError(t, b.explain(compiler("go: downloading x v1\nx.go:1:1: oops\n")), "go build: invalid argument\nx.go:1:1: oops")
}

func TestSource(t *testing.T) {
	b := &Build{
		Egraft: Module{Path: "/src/e graft"}, Modules: []Module{{Package: "example.com/a/b", Path: "/a", module: "example.com/a"}, {Package: "example.com/c", Version: "v1.0.0"}},
	}
	files := b.source()
	require.Equal(t, `module egraft

go 1.26.0

require example.com/a v0.0.0

replace example.com/a => "/a"

require github.com/egraft/egraft v0.0.0

replace github.com/egraft/egraft => "/src/e graft"
`, files["go.mod"])
	require.Contains(t, files["main.go"], "\n\tf0 \"example.com/a/b\"\n\tf1 \"example.com/c\"\n)\n")
	require.Contains(t, files["main.go"], "slices.Concat([]feature.Registration{}, f0.Features(), f1.Features())")
}

func TestFindGo(t *testing.T) {
	_, err := FindGo([]string{"PATH=" + t.TempDir()})
	require.EqualError(t, err, "the Go command is not in PATH: install Go 1.26 or later, see https://go.dev/doc/install")
	tool, err := FindGo(os.Environ())
	require.NoError(t, err)
	require.ErrorContains(t, tool.Run(t.Context(), "", "no-such"), "go no-such: exit status 2\ngo no-such: unknown command")
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	b := &Build{Output: filepath.Join(dir, "missing")}
	require.NoError(t, b.clean())
	b.Output = dir
	require.NoError(t, b.clean())
	for _, name := range []string{"crds/x.yaml", "mine/x", "egraft-linux-amd64"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.EqualError(t, b.clean(), dir+" has files that are not from a build: choose another directory")
	require.FileExists(t, filepath.Join(dir, "crds/x.yaml"))
	require.NoError(t, b.writeSource(b.directory()))
	require.NoError(t, b.clean())
	require.NoFileExists(t, filepath.Join(dir, "crds/x.yaml"))
	require.NoFileExists(t, filepath.Join(dir, "egraft-linux-amd64"))
	require.FileExists(t, filepath.Join(dir, "mine/x"))
}

func TestComplete(t *testing.T) {
	for want, change := range map[string]func(*Build){
		"no module was given":                                                               func(b *Build) { b.Modules = nil },
		"the version of egraft is missing":                                                  func(b *Build) { b.Egraft.Version = "" },
		`platform "windows/amd64" is not linux/amd64 or linux/arm64`:                        func(b *Build) { b.Platforms = []string{"windows/amd64"} },
		`image "A" is not a repository with a tag, such as registry.example/egraft:v1`:      func(b *Build) { b.Image = "A" },
		`image "egraft" is not a repository with a tag, such as registry.example/egraft:v1`: func(b *Build) { b.Image = "egraft" },
		"example.com/a is listed twice":                                                     func(b *Build) { b.Modules = append(b.Modules, b.Modules[0]) },
		`"a b" is not the import path of a Go package, such as example.com/hello`:           func(b *Build) { b.Modules[0].Package = "a b" },
	} {
		b := &Build{Egraft: Module{Version: "v0.1.0"}, Image: "registry.example:5000/a/b:v1", Modules: []Module{{Package: "example.com/a"}}}
		require.NoError(t, b.complete())
		change(b)
		require.EqualError(t, b.complete(), want)
	}
}

func TestLastLines(t *testing.T) {
	require.Equal(t, "b\nc", lastLines("a\ngo: downloading x v1\nb\nc\n", 2))
	require.Equal(t, "a", lastLines(strings.Repeat("go: found x in y\n", 100)+"a\n", 2))
}
