package mutator

// Hook is a point in Envoy Gateway's translation at which it calls the extension server,
// spelled as in its configuration (extensionManager.hooks.xdsTranslator.post).
type Hook string

// The hooks of Envoy Gateway 1.9. Endpoints exists since 1.8.
const (
	HookRoute        Hook = "Route"
	HookVirtualHost  Hook = "VirtualHost"
	HookHTTPListener Hook = "HTTPListener"
	HookCluster      Hook = "Cluster"
	HookEndpoints    Hook = "Endpoints"
	HookTranslation  Hook = "Translation"
)

// Hooks lists all hooks in the order in which Envoy Gateway names them.
func Hooks() []Hook {
	return []Hook{HookVirtualHost, HookRoute, HookHTTPListener, HookTranslation, HookCluster, HookEndpoints}
}

// Kind is a kind of xDS resource that mutators can change.
type Kind string

// The kinds of resources, by the names of their Envoy messages; Endpoints is
// ClusterLoadAssignment, Listener comes in two hooks, Cluster in two as well.
const (
	KindRoute              Kind = "Route"
	KindVirtualHost        Kind = "VirtualHost"
	KindListener           Kind = "Listener"
	KindCluster            Kind = "Cluster"
	KindEndpoints          Kind = "ClusterLoadAssignment"
	KindSecret             Kind = "Secret"
	KindRouteConfiguration Kind = "RouteConfiguration"
)

// FailurePolicy says what becomes of a resource that a mutator could not treat.
type FailurePolicy string

const (
	// Deny makes Envoy reject requests to the resource: what a security mutator wants.
	Deny FailurePolicy = "Deny"
	// Ignore leaves the resource as it was before the mutator.
	Ignore FailurePolicy = "Ignore"
	// Fail answers the whole call with an error, so that Envoy Gateway keeps the last
	// good configuration of that Gateway. By configuration only.
	Fail FailurePolicy = "Fail"
)
