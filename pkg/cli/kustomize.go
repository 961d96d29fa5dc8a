package cli

import (
	"errors"
	"fmt"
	"path"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/manifest"
	"github.com/egraft/egraft/internal/version"
)

const kustomizeLong = `Write a kustomize component that adds this build to Envoy Gateway's pod as a sidecar: the
patch of the Deployment, the permissions, and Envoy Gateway's settings as values of its chart
and as its ConfigMap. They match the features that are in the build and enabled.

Settings of ` + "`egraft serve`" + ` that you pass as flags become arguments of the sidecar. Environment
variables do not. The component does not contain the CRDs: ` + "`egraft config crds`" + ` prints
them.

The probes run the program in the image, /egraft unless --program says otherwise: images of
` + "`egraft build`" + ` have it there, whatever the name of the build is.`

const kustomizeExample = `  # A component for the image of your own build
  egraft config kustomize --image registry.example/gateway/egraft:v1 --output-dir egraft

  # The same with settings, as arguments of the sidecar and in Envoy Gateway's values
  egraft config kustomize --disable-features hedge --max-peers 10 --output-dir egraft`

// isImage matches image references: a repository with a tag or digest. They are strings in YAML.
var isImage = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*)?(@sha256:[0-9a-f]{64})?$`)

// isProgram matches a path that needs no quotes.
var isProgram = regexp.MustCompile(`^/[a-zA-Z0-9._/-]+$`)

func newKustomize(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "kustomize", Short: "Write a kustomize component that adds this build to Envoy Gateway",
		Long: kustomizeLong, Example: kustomizeExample, Args: noArgs,
	}
	flags := p.addFlags(cmd, "disable-features", "max-message-size")
	s := manifest.Sidecar{}
	var out outputDir
	cmd.Flags().StringVar(&s.Image, "image", "", "image of the build; by default egraft's release image, if the build only has built-in features")
	cmd.Flags().StringVar(&s.Program, "program", "/egraft", "path of the program in the image")
	addNamespace(cmd, &s.Namespace)
	out.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return p.kustomize(flags, &s, out) }
	return cmd
}

func (p *program) kustomize(flags *config.Flags, s *manifest.Sidecar, out outputDir) error {
	if s.Image == "" && len(p.registered) == 0 {
		s.Image = version.Image + ":" + version.Release
	}
	switch {
	case out.directory == "":
		return errors.New("--output-dir is required: the component has several files")
	case s.Image == "":
		return errors.New("--image is required: this build has features that are not in egraft's image")
	case !isImage.MatchString(s.Image):
		return fmt.Errorf("--image %q is not the reference of an image, such as registry.example/egraft:v1", s.Image)
	case !isProgram.MatchString(s.Program) || path.Clean(s.Program) != s.Program:
		return fmt.Errorf("--program %q is not the path of a program, such as /egraft", s.Program)
	}
	if err := validateNamespace(s.Namespace); err != nil {
		return err
	}
	if flags.Args()[config.ConfigFlag] != "" {
		return errors.New("--config is a file that the sidecar does not have: pass its settings as flags")
	}
	flagsOnly := *p
	flagsOnly.environ = nil
	loaded, err := flagsOnly.load(flags)
	if err != nil {
		return err
	}
	return p.writeOverlay(loaded, flags.Args(), s, out)
}

func (p *program) writeOverlay(loaded *settings, given map[string]string, s *manifest.Sidecar, out outputDir) error {
	if network, address := loaded.Network(); network != "unix" || address != config.DefaultSocket {
		return fmt.Errorf("the sidecar serves on %s, not on %s", config.DefaultSocket, address)
	}
	if len(loaded.features) == 0 {
		return failed(errors.New("no feature is enabled, so Envoy Gateway needs no egraft"))
	}
	delete(given, "socket")
	s.Args = settingsAsArgs(given)
	var err error
	if s.Values, err = stanzaIn(newStanza(loaded, endpoint{}), "helm"); err != nil {
		return failed(err)
	}
	if s.ConfigMap, err = stanzaIn(newStanza(loaded, endpoint{}), "configmap"); err != nil {
		return failed(err)
	}
	b, err := p.build(loaded)
	if err != nil {
		return failed(err)
	}
	files, err := b.Overlay(s)
	if err != nil {
		return failed(err)
	}
	return failed(writeFiles(files, out.directory))
}
