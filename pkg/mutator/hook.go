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

// The kinds of resources, with the names of their Envoy messages. Endpoints is
// ClusterLoadAssignment. Listener and Cluster are each part of two hooks.
const (
	KindRoute              Kind = "Route"
	KindVirtualHost        Kind = "VirtualHost"
	KindListener           Kind = "Listener"
	KindCluster            Kind = "Cluster"
	KindEndpoints          Kind = "ClusterLoadAssignment"
	KindSecret             Kind = "Secret"
	KindRouteConfiguration Kind = "RouteConfiguration"
)

// FailurePolicy is what to do with a resource on which a mutator failed.
type FailurePolicy string

const (
	// Deny makes Envoy reject requests to the resource. Security features use it.
	Deny FailurePolicy = "Deny"
	// Ignore leaves the resource unmodified by the mutator.
	Ignore FailurePolicy = "Ignore"
	// Fail fails the whole call, so that Envoy Gateway keeps the last good configuration of
	// that Gateway. It can only be set by configuration.
	Fail FailurePolicy = "Fail"
)
