package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
)

// judgePatches checks the patches of a policy. Sensitive fields need a grant that names them. Other
// fields need a grant for Gateways of other namespaces: without it, the policy applies only to
// Gateways in its own namespace.
func judgePatches(granted []string, o *policy.Object, p *xdspatch.Policy) (errs field.ErrorList) {
	patches, faults := p.Patches()
	if len(faults) > 0 {
		return faults
	}
	o.OwnGateways = false
	for i, patch := range patches {
		kind, at := p.Spec.Patches[i].Select.Kind, field.NewPath("spec", "patches").Index(i)
		for _, path := range patch.Sensitive() {
			if !grantsField(granted, p.Spec.Patches[i].Select, path) {
				errs = append(errs, field.Forbidden(at, fmt.Sprintf("namespace %s may not patch %s of %s: the operator can grant it by patches=%s:%s of %s",
					o.Namespace, path, kind, kind, path, rulesFlag)))
				break
			}
		}
		for _, path := range patch.Writes() {
			if !grantsKind(granted, kind) && !grantsField(granted, p.Spec.Patches[i].Select, path) {
				o.OwnGateways = true
			}
		}
	}
	return errs
}

// grantsKind reports whether a grant covers all fields of a kind except sensitive ones. A grant of
// HTTPFilter covers all filters.
func grantsKind(granted []string, kind v1alpha1.XDSKind) bool {
	return slices.Contains(granted, AllPatches) || slices.Contains(granted, string(kind))
}

// grantsField reports whether a grant names the field or one of its parents.
func grantsField(granted []string, of v1alpha1.XDSSelect, path xdspatch.Path) bool {
	return slices.ContainsFunc(granted, func(g string) bool {
		kind, fields, found := strings.Cut(g, ":")
		if !found || kind != string(of.Kind) {
			return false
		}
		if fields == AllPatches {
			return true
		}
		p, err := xdspatch.ParsePath(of, fields)
		return err == nil && p.Covers(path)
	})
}

func (r *Rule) patchFault(pattern string) string {
	kind, fields, hasFields := strings.Cut(pattern, ":")
	of := v1alpha1.XDSSelect{Kind: v1alpha1.XDSKind(kind)}
	switch {
	case pattern == AllPatches && len(r.Patches) > 1:
		return "must be the only one"
	case pattern == AllPatches || fields == AllPatches && kind == string(v1alpha1.XDSHTTPFilter):
		return ""
	case xdspatch.Root(of) == "" && of.Kind != v1alpha1.XDSHTTPFilter:
		return "must begin with a kind of message, such as Cluster"
	case !hasFields || fields == AllPatches:
		return ""
	case of.Kind == v1alpha1.XDSHTTPFilter:
		return "" // the type of the filter is not known
	}
	if _, err := xdspatch.ParsePath(of, fields); err != nil {
		return "must have the path of a field after the colon: " + err.Error()
	}
	return ""
}
