package tenancy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyfilter"
)

// maxRules is far more than an operator can keep track of.
const maxRules = 1000

// Validate returns all errors in the rules, except unknown kinds: see [Rules.ValidateKinds].
func (r Rules) Validate(at *field.Path) (errs field.ErrorList) {
	if len(r) > maxRules {
		return field.ErrorList{field.TooMany(at, len(r), maxRules)}
	}
	for i := range r {
		errs = append(errs, r[i].validate(at.Index(i))...)
	}
	errs = append(errs, r.reached(at)...)
	if n := len(r); n > 0 && !slices.Contains(r[n-1].Namespaces, "*") {
		errs = append(errs, field.Required(at.Index(n), fmt.Sprintf(`the last rule must have namespaces "*", to say what all other namespaces may use; with kinds %q they may use nothing`, NoKind)))
	}
	return errs
}

// reached reports namespaces whose rule never applies because an earlier rule matches.
func (r Rules) reached(at *field.Path) (errs field.ErrorList) {
	type place struct {
		rule    int
		pattern string
	}
	var before []place
	for i := range r {
		for j, pattern := range r[i].Namespaces {
			for _, b := range before {
				duplicate := b.rule == i && b.pattern == pattern // each reports duplicates
				if covers(b.pattern, pattern) && !duplicate {
					errs = append(errs, field.Invalid(at.Index(i).Child("namespaces").Index(j), pattern,
						fmt.Sprintf("never reached: only the first matching rule applies, and %q of %s matches first; move this one before it", b.pattern, at.Index(b.rule))))
					break
				}
			}
			before = append(before, place{i, pattern})
		}
	}
	return errs
}

func (r *Rule) validate(at *field.Path) (errs field.ErrorList) {
	if r.Namespaces == nil {
		errs = append(errs, field.Required(at.Child("namespaces"), `name the namespaces, or "*" for all`))
	}
	errs = append(errs, each(at.Child("namespaces"), r.Namespaces, namespaceFault)...)
	errs = append(errs, each(at.Child("kinds"), r.Kinds, r.kindFault)...)
	errs = append(errs, each(at.Child("trustDomains"), r.TrustDomains, filled(trustDomainFault))...)
	errs = append(errs, each(at.Child("workloadIdentifiers"), r.WorkloadIdentifiers, filled(identifierFault))...)
	errs = append(errs, each(at.Child("agentSockets"), r.AgentSockets, filled(socketFault))...)
	errs = append(errs, each(at.Child("filters"), r.Filters, r.filterFault)...)
	errs = append(errs, each(at.Child("patches"), r.Patches, r.patchFault)...)
	return append(errs, each(at.Child("gatewayClasses"), r.GatewayClasses, classFault)...)
}

// each checks a list. An empty list could be meant to permit nothing or everything.
func each(at *field.Path, list []string, fault func(string) string) (errs field.ErrorList) {
	if list != nil && len(list) == 0 {
		return field.ErrorList{field.Invalid(at, list, "must not be empty; omit it to permit everything")}
	}
	for i, s := range list {
		if text := fault(s); text != "" {
			errs = append(errs, field.Invalid(at.Index(i), s, text))
		}
		if slices.Contains(list[:i], s) {
			errs = append(errs, field.Duplicate(at.Index(i), s))
		}
	}
	return errs
}

func namespaceFault(pattern string) string {
	name, isPrefix := strings.CutSuffix(pattern, "*")
	if isPrefix {
		name += "x"
	}
	if len(validation.IsDNS1123Label(name)) > 0 {
		return "must be the name of a namespace, its beginning and an asterisk (team-*), or * for all"
	}
	return ""
}

func classFault(pattern string) string {
	name, isPrefix := strings.CutSuffix(pattern, "*")
	if isPrefix {
		name += "x"
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return "must be the name of a GatewayClass, its beginning and an asterisk (shared-*), or * for all"
	}
	return ""
}

func (r *Rule) kindFault(kind string) string {
	if kind == NoKind && len(r.Kinds) > 1 {
		return "must be the only one"
	}
	return ""
}

func (r *Rule) filterFault(name string) string {
	switch {
	case name == AllFilters && len(r.Filters) > 1:
		return "must be the only one"
	case name != AllFilters && !envoyfilter.IsName(name):
		return "must be the name of an HTTP filter that Envoy's standard build has, such as lua, or * for all"
	}
	return ""
}

// filled returns a check of a pattern whose placeholder is replaced by a namespace.
func filled(fault func(string) string) func(string) string {
	return func(pattern string) string {
		pattern = strings.ReplaceAll(pattern, placeholder, "x")
		if strings.ContainsAny(pattern, "{}") {
			return "must not have braces except for " + placeholder
		}
		return fault(pattern)
	}
}

func trustDomainFault(name string) string {
	if _, err := spiffeid.FromString("spiffe://" + name + "/workload"); err != nil {
		return "must be the name of a trust domain, which may have " + placeholder + " in it"
	}
	return ""
}

// identifierFault requires whole segments: /ns/shop* would permit /ns/shopping.
func identifierFault(pattern string) string {
	if prefix, isPrefix := strings.CutSuffix(pattern, "/*"); isPrefix {
		pattern = prefix + "/x"
	}
	if pattern == "" || spiffeid.ValidatePath(pattern) != nil {
		return "must be the path of a SPIFFE ID (/ns/shop/sa/envoy), or its beginning and /* (/ns/" + placeholder + "/*)"
	}
	return ""
}

func socketFault(pattern string) string {
	name := pattern
	if prefix, isPrefix := strings.CutSuffix(pattern, "/*"); isPrefix {
		name = prefix + "/x"
	}
	if !socketPath.MatchString(name) || strings.Contains(name, "*") || path.Clean(name) != name {
		return "must be the absolute path of a socket (/run/spire/agent.sock), or of a folder and /* (/run/" + placeholder + "/*)"
	}
	return ""
}

var socketPath = regexp.MustCompile(`^/[!-~]+$`)

// ValidateKinds reports kinds in rules that are not known.
func (r Rules) ValidateKinds(at *field.Path, known []string) (errs field.ErrorList) {
	for i := range r {
		for j, kind := range r[i].Kinds {
			if kind != NoKind && !slices.Contains(known, kind) {
				errs = append(errs, field.NotSupported(at.Index(i).Child("kinds").Index(j), kind, append(slices.Clone(known), NoKind)))
			}
		}
	}
	return errs
}
