package tenancy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
)

// example is a rule in text format.
const example = "namespaces=*;workloadIdentifiers=/ns/{namespace}/*"

// list is one of the lists of a rule.
type list struct {
	name   string
	target *[]string
}

// lists returns the lists of the rule with their names in files.
func (r *Rule) lists() []list {
	return []list{
		{"namespaces", &r.Namespaces},
		{"kinds", &r.Kinds},
		{"trustDomains", &r.TrustDomains},
		{"workloadIdentifiers", &r.WorkloadIdentifiers},
		{"agentSockets", &r.AgentSockets},
		{"filters", &r.Filters},
		{"patches", &r.Patches},
		{"gatewayClasses", &r.GatewayClasses},
	}
}

// ParseRules parses rules from text: white space separates rules, a semicolon separates the lists
// of a rule, and a comma separates the values of a list.
//
//	namespaces=infra namespaces=*;workloadIdentifiers=/ns/{namespace}/*
func ParseRules(text string) (Rules, error) {
	var out Rules
	var errs []error
	for _, words := range strings.Fields(text) {
		r, err := parseRule(words)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, r)
	}
	if len(errs) == 0 && len(out) == 0 {
		return nil, errNoRule
	}
	return out, errors.Join(errs...)
}

// errNoRule is for an empty list, which could be meant to permit nothing.
var errNoRule = errors.New("must not be empty; omit it to permit everything")

func parseRule(text string) (Rule, error) {
	var r Rule
	lists := r.lists()
	for _, part := range strings.Split(text, ";") {
		name, values, found := strings.Cut(part, "=")
		if !found {
			return r, fmt.Errorf("%q must be name=values, as in %s; only spaces separate rules", part, example)
		}
		i := slices.IndexFunc(lists, func(l list) bool { return l.name == name })
		switch {
		case i < 0:
			return r, fmt.Errorf("%q is not one of namespaces, kinds, trustDomains, workloadIdentifiers, agentSockets, filters, patches and gatewayClasses", name)
		case *lists[i].target != nil:
			return r, fmt.Errorf("has %q twice in one rule", name)
		case values == "":
			*lists[i].target = []string{} // invalid, which Validate reports with the field
		default:
			*lists[i].target = strings.Split(values, ",")
		}
	}
	return r, nil
}

// String returns the text that [ParseRules] parses.
func (r Rules) String() string {
	var rules []string
	for i := range r {
		var parts []string
		for _, l := range r[i].lists() {
			if *l.target != nil {
				parts = append(parts, l.name+"="+strings.Join(*l.target, ","))
			}
		}
		rules = append(rules, strings.Join(parts, ";"))
	}
	return strings.Join(rules, " ")
}

// DecodeRules decodes rules from JSON, strictly.
func DecodeRules(raw json.RawMessage) (Rules, error) {
	var out Rules
	strict, err := kjson.UnmarshalStrict(raw, &out)
	switch {
	case err != nil:
		return nil, fmt.Errorf("must be a list of rules, whose fields are lists of strings")
	case len(strict) > 0:
		return nil, errors.Join(strict...)
	case len(out) == 0:
		return nil, errNoRule
	}
	return out, out.emptyNulls(raw)
}

// emptyNulls makes lists empty that are null in the text. An empty list is invalid, but null would
// permit everything.
func (r Rules) emptyNulls(raw json.RawMessage) error {
	var texts []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &texts); err != nil {
		return err
	}
	for i := range r {
		for _, l := range r[i].lists() {
			if _, there := texts[i][l.name]; there && *l.target == nil {
				*l.target = []string{}
			}
		}
	}
	return nil
}
