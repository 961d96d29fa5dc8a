package finding

// Codes of the first stage: whether Envoy Gateway knows a policy, filter or backend.
var (
	// Known: all is well.
	Known = Code{
		ID: "EGR100", Name: "Known", Means: "The object exists in a namespace that Envoy Gateway watches, and Envoy Gateway is configured for its kind.",
		See: "egraft explain KIND/NAMESPACE/NAME",
	}
	// KindNotInstalled: without the CRD, objects cannot exist.
	KindNotInstalled = Code{
		ID: "EGR101", Name: "KindNotInstalled", Means: "The API server does not serve the kind in the version that egraft reads.",
		Cause:  "The CRD is not installed, or belongs to another version of egraft.",
		See:    "kubectl api-resources --api-group egraft.io",
		Remedy: "Install the CRDs: kubectl apply --server-side -k crds. Then restart Envoy Gateway, which looks for kinds when it starts.",
	}
	// ObjectNotFound: usually a typo.
	ObjectNotFound = Code{
		ID: "EGR102", Name: "ObjectNotFound", Means: "The object does not exist.",
		Cause:  "The name or namespace is misspelled, the object was applied to another cluster, or it was deleted.",
		See:    "kubectl get egraft --all-namespaces",
		Remedy: "Correct the name, or apply the object.",
	}
	// KindNotConfigured: Envoy Gateway does not read the kind.
	KindNotConfigured = Code{
		ID: "EGR103", Name: "KindNotConfigured", Means: "Envoy Gateway is not configured for this kind, and does not read objects of it.",
		Cause:  "The kind is missing in policyResources, resources (filters) or backendResources of extensionManager, is in the wrong list, or is listed with another version.",
		See:    "egraft config envoy-gateway",
		Remedy: "Set Envoy Gateway's configuration to the output of `egraft config envoy-gateway`, and restart it.",
	}
	// NamespaceNotWatched: Envoy Gateway's configuration excludes it.
	NamespaceNotWatched = Code{
		ID: "EGR104", Name: "NamespaceNotWatched", Means: "Envoy Gateway does not watch the namespace of the object.",
		Cause:  "provider.kubernetes.watch in Envoy Gateway's configuration has a list of namespaces or a selector that does not include the namespace.",
		See:    "kubectl get configmap envoy-gateway-config --namespace envoy-gateway-system --output yaml",
		Remedy: "Add the namespace to provider.kubernetes.watch.namespaces, or add the labels of namespaceSelector to the namespace. Restart Envoy Gateway if you change its configuration.",
	}
	// NotObserved: the object changed since.
	NotObserved = Code{
		ID: "EGR105", Name: "NotObserved", Means: "Envoy Gateway has not processed the latest generation of the policy.",
		Cause:  "Envoy Gateway is busy, waits for egraft, is not running, or lacks permissions for the kind and therefore reconciles nothing.",
		See:    "kubectl get KIND NAME --output yaml: metadata.generation and status.ancestors[].conditions[].observedGeneration; Envoy Gateway's log",
		Remedy: "Run the command again after a few seconds. If the finding persists, check Envoy Gateway's log, and run `egraft doctor`.",
	}
	// NotAccepted: Envoy Gateway's own verdict.
	NotAccepted = Code{
		ID: "EGR106", Name: "NotAccepted", Means: "Envoy Gateway does not accept the policy for a Gateway.",
		Cause:  "The condition Accepted in status.ancestors is False; its reason and message give the cause.",
		See:    "kubectl describe KIND NAME",
		Remedy: "Follow the message of the condition.",
	}
	// NoStatus: policies should have a status for each Gateway.
	NoStatus = Code{
		ID: "EGR107", Name: "NoStatus", Means: "Envoy Gateway has written no status for the policy.",
		Cause:  "No Gateway that Envoy Gateway accepts belongs to a target of the policy, Envoy Gateway was not restarted after its configuration or the CRDs changed, or it lacks permissions.",
		See:    "kubectl describe KIND NAME; Envoy Gateway's log",
		Remedy: "If the next stage does not name the cause, restart Envoy Gateway, and run `egraft doctor`.",
	}
)

var known = []Code{
	Known, KindNotInstalled, ObjectNotFound, KindNotConfigured, NamespaceNotWatched, NotObserved, NotAccepted, NoStatus,
}
