package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newConfig(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check settings, and print Envoy Gateway's settings and the manifests",
		Example: "  egraft config check --config egraft.yaml\n  egraft config envoy-gateway --format configmap", Args: oneOf, RunE: help,
	}
	cmd.AddCommand(newEnvoyGateway(p), newCheck(p), newCRDs(p), newRBAC(p), newKustomize(p))
	return cmd
}

const envoyGatewayLong = `Print the extensionManager settings for egraft: which hooks to call, which custom
resources to watch, and where egraft serves. They list only the hooks and kinds of
resources that the enabled features need, so that Envoy Gateway does not send private
keys that egraft does not need.

The command accepts the settings of ` + "`egraft serve`" + `: use the same flags, environment and file
for both.

With other extension servers, add the output as the last entry of extensionManagers, and give
it a name.

Formats:
  standalone  the extensionManager field of a file of kind EnvoyGateway
  helm        values for Envoy Gateway's chart
  configmap   the complete ConfigMap that Envoy Gateway's Deployment mounts`

const envoyGatewayExample = `  # Values for Envoy Gateway's chart
  egraft config envoy-gateway --format helm > egraft-values.yaml

  # For an egraft that is reached over TCP with mutual TLS
  egraft config envoy-gateway --service-address egraft.egraft-system.svc:9443 \
    --ca-secret egraft-ca --client-secret egraft-client`

// endpoint is how Envoy Gateway reaches egraft over TCP.
type endpoint struct{ address, caSecret, clientSecret string }

func newEnvoyGateway(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "envoy-gateway", Short: "Print the extensionManager settings of Envoy Gateway for egraft",
		Long: envoyGatewayLong, Example: envoyGatewayExample, Args: noArgs,
	}
	flags := p.addFlags(cmd, "socket", "max-message-size", "disable-features", "insecure")
	format := cmd.Flags().String("format", "standalone", "one of standalone, helm, configmap")
	var to endpoint
	cmd.Flags().StringVar(&to.address, "service-address", "", "host:port at which Envoy Gateway reaches an egraft that serves TCP")
	cmd.Flags().StringVar(&to.caSecret, "ca-secret", "", "Secret with the CA of egraft's certificate in tls.crt, as name or namespace/name")
	cmd.Flags().StringVar(&to.clientSecret, "client-secret", "", "Secret with Envoy Gateway's client certificate, as name or namespace/name")
	cmd.RunE = func(*cobra.Command, []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		return p.printStanza(s, to, *format)
	}
	return cmd
}

// printStanza prints the stanza in a format.
func (p *program) printStanza(s *settings, to endpoint, format string) error {
	if err := to.validate(s, format); err != nil {
		return err
	}
	if len(s.features) == 0 {
		return failed(errors.New("no feature is enabled, so Envoy Gateway needs no extension manager"))
	}
	text, err := stanzaIn(newStanza(s, to), format)
	if err != nil {
		return failed(err)
	}
	_, err = fmt.Fprint(p.stdout, text)
	return failed(err)
}

// validate rejects what Envoy Gateway would reject or misunderstand.
func (e endpoint) validate(s *settings, format string) error {
	network, address := s.Network()
	switch {
	case !isFormat(format):
		return fmt.Errorf("--format %q is not one of standalone, helm, configmap", format)
	case e.address == "" && network == "tcp":
		return fmt.Errorf("egraft listens on %s: --service-address must be the address at which Envoy Gateway connects to it", address)
	case e.address == "" && e.caSecret+e.clientSecret != "":
		return errors.New("--ca-secret and --client-secret require --service-address")
	case e.address == "":
		return nil
	}
	return e.validateTCP(s, format)
}

func (e endpoint) validateTCP(s *settings, format string) error {
	if _, err := newAddress(e.address); err != nil {
		return err
	}
	switch {
	case s.Insecure && e.caSecret+e.clientSecret != "":
		return errors.New("--insecure cannot be used with --ca-secret or --client-secret")
	case s.Insecure:
		return nil
	case format == "standalone":
		return errors.New("Envoy Gateway cannot use TLS to an extension server without Kubernetes: use a socket, or --insecure")
	case e.caSecret == "":
		return errors.New("--service-address requires --ca-secret or --insecure")
	default:
		return validateSecrets(e.caSecret, e.clientSecret)
	}
}

func validateSecrets(names ...string) error {
	for _, n := range names {
		if strings.Count(n, "/") > 1 || strings.HasPrefix(n, "/") || strings.HasSuffix(n, "/") {
			return fmt.Errorf("%q is neither the name of a Secret nor namespace/name", n)
		}
	}
	return nil
}
