package tenancy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/internal/filterspec"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// The names of the settings, for error messages.
const (
	rulesFlag        = "--namespace-rules"
	fetchTimeoutFlag = "--max-initial-fetch-timeout"
	peersFlag        = "--max-peers"
	socketsFlag      = "--max-agent-sockets-per-namespace"
	secretsFlag      = "--max-sds-secrets-per-namespace"
	filtersFlag      = "--max-filters-per-namespace"
)

// Permit returns the reason why the object's namespace may not have it, or nil. The content must be
// that of a valid object, with its defaults.
func (r Restrictions) Permit(o *policy.Object, content any) error {
	fields, hasFields := fieldsOf(content)
	var errs field.ErrorList
	var rule Rule
	if len(r.Rules) > 0 {
		j, err := r.Rules.judge(o)
		if err != nil {
			return err
		}
		if hasFields {
			errs = j.fields(fields)
		}
		rule = j.rule
	}
	if s := filterspec.Of(content); s != nil {
		errs = append(errs, judgeFilter(rule.Filters, o.Namespace, s)...)
	}
	if p, ok := content.(*xdspatch.Policy); ok {
		errs = append(errs, judgePatches(rule.Patches, o, p)...)
	}
	if hasFields {
		errs = append(errs, r.Limits.judge(fields)...)
	}
	return errs.ToAggregate()
}

// PermitGatewayClass reports whether the policies of a namespace may target a GatewayClass.
func (r Restrictions) PermitGatewayClass(namespace, class string) bool {
	rule, _, found := r.Rules.For(namespace)
	return found && rule.GatewayClasses != nil && permits(rule.GatewayClasses, class)
}

// judgement is the rule that applies to a namespace.
type judgement struct {
	namespace string
	rule      Rule
}

// judge finds the rule, and returns an error if it does not permit the object's kind.
func (r Rules) judge(o *policy.Object) (*judgement, error) {
	// Files can have a namespace that is not a valid name. In a pattern it would match too much:
	// with /ns/{namespace}/*, the namespace a/b would be below the paths of namespace a.
	if faults := validation.IsDNS1123Label(o.Namespace); len(faults) > 0 {
		return nil, field.Invalid(field.NewPath("metadata", "namespace"), o.Namespace, fmt.Sprintf("%s: required by %s", faults[0], rulesFlag))
	}
	rule, _, found := r.For(o.Namespace)
	if !found {
		return nil, field.Forbidden(field.NewPath("metadata", "namespace"), fmt.Sprintf("no rule of %s matches namespace %s", rulesFlag, o.Namespace))
	}
	j := &judgement{o.Namespace, rule}
	if err := j.check(field.NewPath("kind"), rule.Kinds, KindName(o.GroupVersionKind)); err != nil {
		return nil, err
	}
	return j, nil
}

// check returns an error unless the patterns permit the name.
func (j *judgement) check(at *field.Path, patterns []string, name string) *field.Error {
	if permits(patterns, name) {
		return nil
	}
	return j.forbidden(at, name, patterns)
}

func (j *judgement) forbidden(at *field.Path, name string, patterns []string) *field.Error {
	permitted := strings.Join(patterns, ", ")
	if slices.Equal(patterns, []string{NoKind}) {
		permitted = "none"
	}
	return field.Forbidden(at, fmt.Sprintf("namespace %s may not use %s: %s permits %s", j.namespace, name, rulesFlag, permitted))
}

// fields checks the SPIFFE fields of a policy.
func (j *judgement) fields(f spiffe.Fields) (errs field.ErrorList) {
	spec := field.NewPath("spec")
	add := func(err *field.Error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	add(j.check(spec.Child("trustDomain"), j.rule.TrustDomains, string(f.TrustDomain)))
	for i, d := range *f.TrustBundles {
		if d != f.TrustDomain { // checked above
			add(j.check(spec.Child("trustBundles").Index(i), j.rule.TrustDomains, string(d)))
		}
	}
	add(j.check(spec.Child("workloadIdentifier"), j.rule.WorkloadIdentifiers, f.WorkloadIdentifier))
	add(j.socket(spec.Child("agent", "socketPath"), f.Agent.SocketPath))
	if f.Agent.SDSNames != nil {
		errs = append(errs, j.names(spec.Child("agent", "sdsNames"), f.Agent.SDSNames)...)
	}
	return errs
}

// socket checks a path as it is written, so that no path with .. can leave a directory.
func (j *judgement) socket(at *field.Path, socket string) *field.Error {
	if j.rule.AgentSockets != nil && path.Clean(socket) != socket {
		return field.Forbidden(at, fmt.Sprintf("%s must be written as %s: %s compares paths literally", socket, path.Clean(socket), rulesFlag))
	}
	return j.check(at, j.rule.AgentSockets, socket)
}

// names checks the names of secrets that Envoy requests from the agent: they, and not the fields
// that they replace, decide which secrets it gets. The agent decides what a name means that is not
// a SPIFFE ID.
func (j *judgement) names(at *field.Path, names *v1alpha1.SDSNames) (errs field.ErrorList) {
	restricted := j.rule.TrustDomains != nil || j.rule.WorkloadIdentifiers != nil
	if names.SVID != "" && restricted {
		id, err := spiffeid.FromString(names.SVID)
		if err != nil || !permits(j.rule.TrustDomains, id.TrustDomain().Name()) || !permits(j.rule.WorkloadIdentifiers, id.Path()) {
			errs = append(errs, j.unknown(at.Child("svid"), names.SVID, "an SVID"))
		}
	}
	if names.TrustBundle != "" && !j.permitsBundle(names.TrustBundle) {
		errs = append(errs, j.unknown(at.Child("trustBundle"), names.TrustBundle, "a trust domain"))
	}
	// All other names of all bundles are as good as ALL, the name that SPIRE uses.
	if strings.HasPrefix(names.AllTrustBundles, "spiffe://") && !j.permitsBundle(names.AllTrustBundles) {
		errs = append(errs, j.unknown(at.Child("allTrustBundles"), names.AllTrustBundles, "a trust domain"))
	}
	return errs
}

// permitsBundle reports whether a name is that of a permitted trust domain.
func (j *judgement) permitsBundle(name string) bool {
	if j.rule.TrustDomains == nil {
		return true
	}
	id, err := spiffeid.FromString(name)
	return err == nil && id.Path() == "" && permits(j.rule.TrustDomains, id.TrustDomain().Name())
}

func (j *judgement) unknown(at *field.Path, name, what string) *field.Error {
	return field.Forbidden(at, fmt.Sprintf("namespace %s may not use %s: it is not the SPIFFE ID of %s that %s permits", j.namespace, name, what, rulesFlag))
}

// judge checks a policy against the limits for each policy.
func (l Limits) judge(f spiffe.Fields) (errs field.ErrorList) {
	spec := field.NewPath("spec")
	timeout, err := duration.Parse(*f.InitialFetchTimeout)
	if l.InitialFetchTimeout > 0 && (err != nil || timeout > l.InitialFetchTimeout) {
		errs = append(errs, field.Forbidden(spec.Child("initialFetchTimeout"), fmt.Sprintf("%s is more than the %s of %s", *f.InitialFetchTimeout, l.InitialFetchTimeout, fetchTimeoutFlag)))
	}
	if l.Peers > 0 && len(f.Peers) > l.Peers {
		errs = append(errs, field.Forbidden(spec.Child(f.PeersField), fmt.Sprintf("%d are more than the %d of %s", len(f.Peers), l.Peers, peersFlag)))
	}
	return errs
}
