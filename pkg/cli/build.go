package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/builder"
)

const buildLong = `Build egraft with features of other modules: a static program, its image, a bill of
materials, and the CRDs, permissions and kustomize component for the features in it. You need
Go 1.26 or later, but no Docker and no knowledge of Go.

To add a module, name the import path of a package that has

  func Features() []feature.Registration

Add @ and a version of the module, or = and a directory with the module. Without either, the
latest version is used. The features run after the built-in ones, in the order in which you
name them, unless they specify another order.

The build fails if a module requires another version than the one you name; the error shows
which module. It also fails if a feature fails its conformance tests with the versions in the
build.

The build runs the code of the modules and of their tests on this machine: only use modules
that you trust.

The output directory contains:
  egraft           the program; with several platforms, one for each
  egraft.cdx.json  the bill of materials, in CycloneDX
  image.tar        the image as an OCI image layout, with the program as /egraft
  crds             the CRDs of all features, with a kustomization
  rbac             the permissions of Envoy Gateway and egraft
  kustomize        a component that adds the image to Envoy Gateway's pod
  src              the program's code, with all versions in go.mod

A file for --file has these fields. Its directories are relative to it:
  egraft: v0.1.0                      # or a directory; by default this program's version
  image: registry.example/egraft:v1
  platforms: [linux/amd64, linux/arm64]
  args: [--disable-features=hedge]    # settings of the sidecar
  modules:
  - package: example.com/hello
    version: v1.0.0                   # or path: ../hello`

const buildExample = `  # Two features, one of them from a directory
  egraft build --with example.com/hello@v1.0.0 --with example.com/limits=../limits --image registry.example/egraft:v1

  # With the modules and settings in a file
  egraft build --file build.yaml

  # Try the image in kind
  egraft build --file build.yaml --output-dir out`

// buildFile is the content of the file that --file names.
type buildFile struct {
	Egraft    string           `json:"egraft,omitempty"`
	Image     string           `json:"image,omitempty"`
	Platforms []string         `json:"platforms,omitempty"`
	Args      []string         `json:"args,omitempty"`
	Modules   []builder.Module `json:"modules"`
}

// defaultImage is a name that no registry serves.
const defaultImage = "localhost/egraft:dev"

func newBuild(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "build", Short: "Build egraft with features of other modules", Long: buildLong, Example: buildExample, Args: noArgs}
	var f buildFile
	file := cmd.Flags().StringP("file", "f", "", "file with the modules and settings of the build; flags add to it or take precedence")
	with := cmd.Flags().StringArray("with", nil, "package with features, as PACKAGE[@VERSION][=DIRECTORY]; can be repeated")
	cmd.Flags().StringVar(&f.Egraft, "egraft", "", "version of egraft, or the directory of its source; by default the version of this program")
	cmd.Flags().StringVar(&f.Image, "image", "", "reference of the image, with a tag (default "+defaultImage+")")
	cmd.Flags().StringSliceVar(&f.Platforms, "platform", nil, "platforms of the image, linux/amd64 or linux/arm64 (default linux and this machine's architecture)")
	output := cmd.Flags().StringP("output-dir", "o", "dist", "directory to write to; output of an earlier build is replaced")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml") // fails only for flags that do not exist
	_ = cmd.MarkFlagDirname("output-dir")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, text := range *with {
			m, err := builder.ParseModule(text)
			if err != nil {
				return fmt.Errorf("--with: %w", err)
			}
			f.Modules = append(f.Modules, m)
		}
		if *file != "" {
			if err := f.add(*file); err != nil {
				return failed(err)
			}
		}
		if len(f.Modules) == 0 {
			return errors.New("--with or --file is required: there is no module to build with")
		}
		return p.runBuild(cmd.Context(), &f, *output)
	}
	return cmd
}

// add merges a file into the values from flags.
func (f *buildFile) add(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var read buildFile
	if err := yaml.UnmarshalStrict(text, &read); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := func(directory string) string {
		if directory == "" || filepath.IsAbs(directory) || pinned.MatchString(directory) {
			return directory
		}
		return filepath.Join(filepath.Dir(path), directory)
	}
	for i := range read.Modules {
		read.Modules[i].Path = at(read.Modules[i].Path)
	}
	f.Modules = append(read.Modules, f.Modules...)
	f.Args = read.Args
	if f.Egraft == "" {
		f.Egraft = at(read.Egraft)
	}
	if f.Image == "" {
		f.Image = read.Image
	}
	if len(f.Platforms) == 0 {
		f.Platforms = read.Platforms
	}
	return nil
}

func (p *program) runBuild(ctx context.Context, f *buildFile, output string) error {
	egraft, directory, err := egraftSource(f.Egraft)
	if err != nil {
		return err
	}
	tool, err := builder.FindGo(p.environ)
	if err != nil {
		return failed(fmt.Errorf("build: %w", err))
	}
	b := &builder.Build{
		Egraft: builder.Module{Version: egraft, Path: directory}, Modules: f.Modules, Image: f.Image, Platforms: f.Platforms, Args: f.Args,
		Output: output, Go: tool, Environ: p.environ, Log: p.stderr,
	}
	if b.Image == "" {
		b.Image = defaultImage
	}
	if err := b.Run(ctx); err != nil {
		return failed(fmt.Errorf("build: %w", err))
	}
	return failed(p.printLines([]string{
		"Next:",
		"  kubectl apply --server-side -k " + filepath.Join(output, "crds"),
		"  load " + filepath.Join(output, "image.tar") + " into your registry, or: kind load image-archive " + filepath.Join(output, "image.tar"),
		"  add " + filepath.Join(output, "kustomize") + " to the components of your overlay, and pass the values.yaml in it to Envoy Gateway's chart",
	}))
}
