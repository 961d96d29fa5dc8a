package xdspatchpolicy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Limits of the CRD.
const (
	maxPatches    = 16
	maxAppended   = 64
	maxPath       = 1024
	maxExpression = 2048
)

// targetKinds are the supported kinds of targets.
var targetKinds = []string{xds.KindGateway, xds.KindGatewayClass, xds.KindHTTPRoute, xds.KindGRPCRoute}

// kinds are the kinds of messages.
var kinds = slices.Concat(ofListenerKinds, ofConfigurations, ofClusters)

// failurePolicies are the failure policies of the CRD.
var failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}

// validate sets the defaults, repeats the checks of the CRD, and checks the patches against their
// messages.
func validate(p *xdspatch.Policy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	if s.FailurePolicy == "" {
		s.FailurePolicy = v1alpha1.FailurePolicyIgnore
	}
	var errs field.ErrorList
	if !slices.Contains(failurePolicies, s.FailurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), s.FailurePolicy, failurePolicies))
	}
	patches := at.Child("patches")
	switch n := len(s.Patches); {
	case n == 0:
		errs = append(errs, field.Required(patches, "name at least one patch"))
	case n > maxPatches:
		errs = append(errs, field.TooMany(patches, n, maxPatches))
	default:
		for i := range s.Patches {
			errs = append(errs, validatePatch(&s.Patches[i], patches.Index(i))...)
		}
	}
	if errs = append(errs, policy.ValidateTargets(&s.PolicyTargets, targetKinds, at)...); len(errs) > 0 {
		return errs
	}
	if _, errs = p.Patches(); len(errs) > 0 {
		return errs
	}
	return ofGateways(s, patches)
}

// ofGateways checks that a policy on routes patches nothing that those share with other routes.
func ofGateways(s *v1alpha1.XDSPatchPolicySpec, at *field.Path) (errs field.ErrorList) {
	if !targetsRoutes(&s.PolicyTargets) {
		return nil
	}
	for i, p := range s.Patches {
		if !ofRoutes[p.Select.Kind] {
			errs = append(errs, field.Forbidden(at.Index(i).Child("select", "kind"),
				"a policy that targets routes can only select Route, Cluster and UpstreamTLS: a "+string(p.Select.Kind)+" belongs to the Gateway"))
		}
	}
	return errs
}

// ofRoutes are the kinds of messages that belong to routes.
var ofRoutes = map[v1alpha1.XDSKind]bool{v1alpha1.XDSRoute: true, v1alpha1.XDSCluster: true, v1alpha1.XDSUpstreamTLS: true}

func targetsRoutes(t *v1alpha1.PolicyTargets) bool {
	return slices.ContainsFunc(t.TargetRefs, func(r gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool {
		return string(r.Kind) != xds.KindGateway && string(r.Kind) != xds.KindGatewayClass
	}) ||
		slices.ContainsFunc(t.TargetSelectors, func(s v1alpha1.TargetSelector) bool { return string(s.Kind) != xds.KindGateway })
}

// validatePatch checks the form of a patch. Its content is checked against the message.
func validatePatch(p *v1alpha1.XDSPatch, at *field.Path) (errs field.ErrorList) {
	errs = append(errs, validateSelect(&p.Select, at.Child("select"))...)
	errs = append(errs, atMost(p.When, maxExpression, at.Child("when"))...)
	switch set := count(p.Merge != nil, p.Set != nil, p.List != nil, p.Remove != ""); {
	case set != 1:
		errs = append(errs, field.Invalid(at, field.OmitValueType{}, "set one of merge, set, list and remove"))
	case p.Set != nil:
		errs = append(errs, filled(p.Set.Path, maxPath, at.Child("set", "path"))...)
		errs = append(errs, filled(p.Set.Expression, maxExpression, at.Child("set", "expression"))...)
	case p.List != nil:
		errs = append(errs, validateList(p.List, at.Child("list"))...)
	default:
		errs = append(errs, atMost(p.Remove, maxPath, at.Child("remove"))...)
	}
	return append(errs, validateExpect(p.Expect, at.Child("expect"))...)
}

func validateSelect(s *v1alpha1.XDSSelect, at *field.Path) (errs field.ErrorList) {
	if !slices.Contains(kinds, s.Kind) {
		return field.ErrorList{field.NotSupported(at.Child("kind"), s.Kind, kinds)}
	}
	if (s.Kind == v1alpha1.XDSHTTPFilter) != (s.Filter != "") {
		return append(errs, field.Invalid(at, field.OmitValueType{}, "set filter if kind is HTTPFilter, and only then"))
	}
	if xdspatch.Root(*s) == "" {
		errs = append(errs, field.Invalid(at.Child("filter"), s.Filter, "is not a kind of HTTP filter in Envoy Gateway's filter order"))
	}
	return errs
}

func validateList(l *v1alpha1.XDSList, at *field.Path) field.ErrorList {
	errs := filled(l.Path, maxPath, at.Child("path"))
	if count(len(l.Append) > 0, l.Replace != nil, l.Remove) != 1 {
		errs = append(errs, field.Invalid(at, field.OmitValueType{}, "set one of append, replace and remove"))
	}
	if n := len(l.Append); n > maxAppended {
		errs = append(errs, field.TooMany(at.Child("append"), n, maxAppended))
	}
	return errs
}

func validateExpect(e *v1alpha1.XDSExpect, at *field.Path) (errs field.ErrorList) {
	if e == nil {
		return nil
	}
	for name, n := range map[string]*int32{"minMatches": e.MinMatches, "maxMatches": e.MaxMatches} {
		if n != nil && *n < 0 {
			errs = append(errs, field.Invalid(at.Child(name), *n, "must not be negative"))
		}
	}
	if e.MinMatches != nil && e.MaxMatches != nil && *e.MinMatches > *e.MaxMatches {
		errs = append(errs, field.Invalid(at, field.OmitValueType{}, "minMatches must not be greater than maxMatches"))
	}
	return errs
}

func count(set ...bool) (n int) {
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}

func filled(text string, most int, at *field.Path) field.ErrorList {
	if text == "" {
		return field.ErrorList{field.Required(at, "")}
	}
	return atMost(text, most, at)
}

// atMost checks the length of a text. The API server counts bytes or characters, so a text that it
// accepts has at most so many characters.
func atMost(text string, most int, at *field.Path) field.ErrorList {
	if n := len([]rune(text)); n > most {
		return field.ErrorList{field.TooLong(at, fmt.Sprintf("%d characters", n), most)}
	}
	return nil
}
