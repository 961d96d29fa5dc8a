package standalone

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/parts"
)

// Environment variables that change all environments, in addition to those of package parts.
const (
	RuntimeFlagsVariable  = "EGRAFT_E2E_RUNTIME_FLAGS"
	MergeGatewaysVariable = "EGRAFT_E2E_MERGE_GATEWAYS"
	MergeBackendsVariable = "EGRAFT_E2E_MERGE_BACKENDS"
)

// choose adds the options that the environment variables set.
func (o *Options) choose() error {
	versions, err := parts.ChosenVersions()
	if err != nil {
		return err
	}
	o.envoyVersion = versions.Envoy
	for flag := range strings.SplitSeq(os.Getenv(RuntimeFlagsVariable), ",") {
		if flag != "" && !slices.Contains(o.RuntimeFlags, flag) {
			o.RuntimeFlags = append(slices.Clip(o.RuntimeFlags), flag)
		}
	}
	for variable, option := range map[string]*bool{MergeGatewaysVariable: &o.MergeGateways, MergeBackendsVariable: &o.MergeBackends} {
		text := os.Getenv(variable)
		if text == "" {
			continue
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%s is %q; it can be true or false", variable, text)
		}
		*option = *option || on
	}
	return nil
}

// enable adds runtime flags to a configuration of Envoy Gateway.
func enable(config map[string]any, flags []string) error {
	if len(flags) == 0 {
		return nil
	}
	field, isSet := config["runtimeFlags"]
	if !isSet {
		field = map[string]any{}
	}
	runtimeFlags, ok := field.(map[string]any)
	if !ok {
		return fmt.Errorf("merge the configuration of Envoy Gateway: runtimeFlags is %v", field)
	}
	enabled, _ := runtimeFlags["enabled"].([]any)
	for _, flag := range flags {
		if !slices.Contains(enabled, any(flag)) {
			enabled = append(enabled, flag)
		}
	}
	runtimeFlags["enabled"] = enabled
	config["runtimeFlags"] = runtimeFlags
	return nil
}
