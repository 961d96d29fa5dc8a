package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/internal/manifest"
)

const crdsLong = `Print the CRDs of the custom resources that the enabled features read, including features
that are not built in. Apply them before everything else: without a CRD, Envoy Gateway
reconciles nothing at all.

With --output-dir, the command writes a file for each CRD, and a kustomization.`

const crdsExample = `  # Install or update the CRDs
  egraft config crds | kubectl apply --server-side -f -

  # As files, for a repository
  egraft config crds --output-dir crds`

const rbacLong = `Print the permissions that the enabled features need. Envoy Gateway needs permissions for
their custom resources (get, list, watch, and update of the status of policies). egraft needs
permissions for Events and the status of filters and backends. Both are bound to the
ServiceAccount envoy-gateway, because the sidecar runs in its pod.`

const rbacExample = `  # Permissions for Envoy Gateway in its usual namespace
  egraft config rbac | kubectl apply -f -

  # For Envoy Gateway in another namespace
  egraft config rbac --envoy-gateway-namespace gateways --output-dir rbac`

// outputDir is the directory for manifests.
type outputDir struct{ directory string }

func (o *outputDir) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.directory, "output-dir", "o", "", "write files to this directory, which is made if it is missing, and print nothing")
	_ = cmd.MarkFlagDirname("output-dir") // fails only for flags that do not exist
}

// addNamespace adds the flag for Envoy Gateway's namespace.
func addNamespace(cmd *cobra.Command, namespace *string) {
	cmd.Flags().StringVar(namespace, "envoy-gateway-namespace", "envoy-gateway-system", "namespace of Envoy Gateway")
}

func validateNamespace(namespace string) error {
	if len(validation.IsDNS1123Label(namespace)) > 0 {
		return fmt.Errorf("--envoy-gateway-namespace %q is not the name of a namespace", namespace)
	}
	return nil
}

func newCRDs(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "crds", Short: "Print the CRDs of the enabled features", Long: crdsLong, Example: crdsExample, Args: noArgs}
	flags := p.addFlags(cmd, "disable-features")
	var out outputDir
	out.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		b, err := p.build(s)
		if err != nil {
			return failed(err)
		}
		for _, kind := range b.Missing() {
			fmt.Fprintf(p.stderr, "egraft: this build has no CRD of %s: apply the one that comes with the feature\n", kind)
		}
		return failed(p.print(b.CRDs(), out))
	}
	return cmd
}

func newRBAC(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "rbac", Short: "Print the permissions that the enabled features need", Long: rbacLong, Example: rbacExample, Args: noArgs}
	flags := p.addFlags(cmd, "disable-features")
	var out outputDir
	var namespace string
	addNamespace(cmd, &namespace)
	out.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := validateNamespace(namespace); err != nil {
			return err
		}
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		b, err := p.build(s)
		if err != nil {
			return failed(err)
		}
		return failed(p.print(b.RBAC(namespace), out))
	}
	return cmd
}

// build returns the features with the CRDs of all features in this binary.
func (p *program) build(s *settings) (*manifest.Build, error) {
	texts, err := crds.Texts()
	if err != nil {
		return nil, err
	}
	var all []manifest.CRD
	for _, text := range texts {
		parsed, err := manifest.ParseCRDs(text)
		if err != nil {
			return nil, err
		}
		all = append(all, parsed...)
	}
	for _, f := range p.registered {
		for _, text := range f.CRDs() {
			parsed, err := manifest.ParseCRDs(text)
			if err != nil {
				return nil, fmt.Errorf("feature %q: %w", f.Name(), err)
			}
			all = append(all, parsed...)
		}
	}
	return manifest.New(s.features, all), nil
}

// print writes files, or prints all except kustomizations, which refer to files.
func (p *program) print(files []manifest.File, o outputDir) error {
	if o.directory != "" {
		return writeFiles(files, o.directory)
	}
	var texts []string
	for _, f := range files {
		if f.Path != "kustomization.yaml" {
			texts = append(texts, strings.TrimPrefix(f.Text, "---\n"))
		}
	}
	_, err := fmt.Fprint(p.stdout, strings.Join(texts, "---\n"))
	return err
}

// writeFiles writes files below a directory.
func writeFiles(files []manifest.File, directory string) error {
	for _, f := range files {
		file := filepath.Join(directory, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(f.Text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// settingsAsArgs returns the settings given as flags, as arguments for a sidecar.
func settingsAsArgs(given map[string]string) (args []string) {
	for name, value := range given {
		args = append(args, "--"+name+"="+value)
	}
	slices.Sort(args)
	return args
}
