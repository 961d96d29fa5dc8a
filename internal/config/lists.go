package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/setting"
)

func uids(target *[]uint32) setting.Value {
	return setting.Typed[[]uint32]{
		Target: target, Kind: "uids", Between: ",",
		Parse: func(s string) ([]uint32, error) { return parseUIDs(setting.Split(s)) },
		Format: func(l []uint32) string {
			return strings.Trim(strings.ReplaceAll(fmt.Sprint(l), " ", ","), "[]")
		},
		JSON: func(raw json.RawMessage) ([]uint32, error) {
			return setting.DecodeAs[[]uint32](raw, "a list of numeric user IDs")
		},
	}
}

func parseUIDs(list []string) ([]uint32, error) {
	var out []uint32
	for _, s := range list {
		uid, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a numeric user ID", s)
		}
		out = append(out, uint32(uid))
	}
	return out, nil
}

// policies is a map with the text format name=Policy,name=Policy.
func policies(target *map[string]mutator.FailurePolicy) setting.Value {
	return setting.Typed[map[string]mutator.FailurePolicy]{
		Target: target, Kind: "feature=policy", Between: ",", Parse: parsePolicies, Format: formatPolicies,
		JSON: func(raw json.RawMessage) (map[string]mutator.FailurePolicy, error) {
			m, err := setting.DecodeAs[map[string]mutator.FailurePolicy](raw, "a map of features to failure policies")
			if err != nil {
				return nil, err
			}
			return m, checkPolicies(m)
		},
	}
}

func parsePolicies(s string) (map[string]mutator.FailurePolicy, error) {
	out := map[string]mutator.FailurePolicy{}
	for _, pair := range setting.Split(s) {
		name, policy, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%q is not feature=policy", pair)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("has %q twice", name)
		}
		out[name] = mutator.FailurePolicy(policy)
	}
	return out, checkPolicies(out)
}

func checkPolicies(m map[string]mutator.FailurePolicy) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch m[name] {
		case mutator.Deny, mutator.Ignore, mutator.Fail:
		default:
			errs = append(errs, fmt.Errorf("policy %q of %q must be Deny, Ignore or Fail", m[name], name))
		}
	}
	return errors.Join(errs...)
}

func formatPolicies(m map[string]mutator.FailurePolicy) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+"="+string(m[name]))
	}
	return strings.Join(out, ",")
}
