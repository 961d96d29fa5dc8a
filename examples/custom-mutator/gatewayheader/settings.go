package gatewayheader

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/setting"
)

// Settings are what an operator can choose.
type Settings struct {
	// Header is the name of the response header, in lower case.
	Header string
	// Namespaces are those whose Gateways get the header; all if there are none.
	Namespaces []string
	// Short leaves out the namespace.
	Short bool
}

// Default returns the settings of an operator who sets nothing.
func Default() Settings { return Settings{Header: "x-gateway"} }

// Feature is what a main function hands to cli.Main.
func Feature() feature.Registration { return feature.WithSettings(Name, Default(), table, New) }

// Features returns the feature, for builds with features of several modules.
func Features() []feature.Registration { return []feature.Registration{Feature()} }

// table lists the settings: --gateway-header-name, EGRAFT_GATEWAY_HEADER_NAME and
// features.gateway-header.name are the first.
func table(s *Settings) []setting.Setting {
	return []setting.Setting{
		{Name: "name", Value: setting.Text(&s.Header, "header", checkHeader), Help: "name of the response header that names the Gateway, in lower case"},
		{Name: "namespaces", Value: setting.List(&s.Namespaces, "names"), Help: "namespaces whose Gateways get the header; all if empty"},
		{Name: "short", Value: setting.Bool(&s.Short), Help: "send the Gateway's name without its namespace; namespaces must have exactly one"},
	}
}

// header is the form of names of headers in HTTP/2, as far as anybody uses it.
var header = regexp.MustCompile(`^[a-z0-9][-_a-z0-9]*$`)

// checkHeader checks one value; the error is printed with the name of the setting.
func checkHeader(name string) error {
	if !header.MatchString(name) {
		return errors.New(`must be the name of a header in lower case, like "x-gateway"`)
	}
	return nil
}

// validate checks what no value tells alone.
func (s Settings) validate() error {
	if s.Short && len(s.Namespaces) != 1 {
		return fmt.Errorf("short needs exactly one of namespaces, but there are %d: Gateways of two can have the same name", len(s.Namespaces))
	}
	return nil
}
