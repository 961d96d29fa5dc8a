package cluster

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// maxTargets is the maximum number of a policy's targets that are read.
const maxTargets = 64

// RouteTargets returns the routes that a policy targets and whether it has other targets. It reads
// leniently because the policy may be invalid.
func RouteTargets(policy *unstructured.Unstructured) (routes []string, others bool) {
	for _, field := range []string{"targetRefs", "targetSelectors"} {
		list, _, _ := unstructured.NestedSlice(policy.Object, "spec", field) // empty if it has another type
		for _, one := range list[:min(len(list), maxTargets)] {
			target, _ := one.(map[string]any)
			kind, _ := target["kind"].(string)
			name, named := target["name"].(string)
			switch {
			case kind != "HTTPRoute" && kind != "GRPCRoute":
				others = true
			case named:
				routes = append(routes, kind+" "+name)
			default:
				routes = append(routes, kind+"s by label")
			}
		}
	}
	return routes, others
}
