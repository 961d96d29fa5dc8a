package matrix

import "slices"

// Feature is a column of the table, which a part of [Test] proves.
type Feature struct {
	// ID is the name of the subtest.
	ID string
	// Title is the title for display.
	Title string
	// Since is the first release of Envoy Gateway that delivers the resources that the feature
	// needs; empty for all.
	Since string
	// kubernetes means that [KubernetesTest] proves it.
	kubernetes bool
}

// RouteTargets is the column for policies that target routes.
const RouteTargets = "route-targets"

// Features returns all columns in order.
func Features() []Feature {
	return []Feature{
		{ID: "backend-mtls", Title: "backend mTLS", kubernetes: true},
		{ID: RouteTargets, Title: "policies of routes", Since: "1.9.0", kubernetes: true},
		{ID: "buffer", Title: "buffer", kubernetes: true},
		{ID: "hedge", Title: "hedge"},
		{ID: "original-destination", Title: "original destination"},
		{ID: "frontend-mtls", Title: "frontend mTLS", kubernetes: true},
		{ID: "filter-policy", Title: "FilterPolicy"},
		{ID: "http-filter", Title: "HTTPFilter"},
		{ID: "xds-patch-policy", Title: "XDSPatchPolicy"},
		{ID: "denial", Title: "denial"},
		{ID: "doctor", Title: "doctor"},
	}
}

// Has reports whether the test of the cell covers a feature.
func (c Cell) Has(f Feature) bool { return !c.Kubernetes || f.kubernetes }

// Delivers reports whether Envoy Gateway delivers the resources that a feature needs.
func (c Cell) Delivers(f Feature) bool { return f.Since == "" || reaches(c.EnvoyGateway, f.Since) }

// FeatureOf returns the feature with an ID.
func FeatureOf(id string) Feature {
	all := Features()
	return all[slices.IndexFunc(all, func(f Feature) bool { return f.ID == id })]
}
