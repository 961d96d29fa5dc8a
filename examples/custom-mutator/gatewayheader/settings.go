package gatewayheader

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/setting"
)

// Settings are the settings for operators.
type Settings struct {
	// Header is the name of the response header, in lower case.
	Header string
	// Namespaces are the namespaces whose Gateways get the header; all if empty.
	Namespaces []string
	// Short leaves out the namespace.
	Short bool
}

// Default returns the default settings.
func Default() Settings { return Settings{Header: "x-gateway"} }

// Feature returns the registration that a main function passes to cli.Main.
func Feature() feature.Registration { return feature.WithSettings(Name, Default(), table, New) }

// Features returns the feature, for builds with features of several modules.
func Features() []feature.Registration { return []feature.Registration{Feature()} }

// table lists the settings. The first has the names --gateway-header-name,
// EGRAFT_GATEWAY_HEADER_NAME and features.gateway-header.name.
func table(s *Settings) []setting.Setting {
	return []setting.Setting{
		{Name: "name", Value: setting.Text(&s.Header, "header", checkHeader), Help: "name of the response header that names the Gateway, in lower case"},
		{Name: "namespaces", Value: setting.List(&s.Namespaces, "names"), Help: "namespaces whose Gateways get the header; all if empty"},
		{Name: "short", Value: setting.Bool(&s.Short), Help: "send the Gateway's name without its namespace; namespaces must have exactly one"},
	}
}

// header matches the common names of HTTP/2 headers.
var header = regexp.MustCompile(`^[a-z0-9][-_a-z0-9]*$`)

// checkHeader checks a single value; the error is printed with the name of the setting.
func checkHeader(name string) error {
	if !header.MatchString(name) {
		return errors.New(`must be the name of a header in lower case, like "x-gateway"`)
	}
	return nil
}

// validate checks the settings that depend on each other.
func (s Settings) validate() error {
	if s.Short && len(s.Namespaces) != 1 {
		return fmt.Errorf("short needs exactly one of namespaces, but there are %d: Gateways of two can have the same name", len(s.Namespaces))
	}
	return nil
}
