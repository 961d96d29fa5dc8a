package finding

// Codes of the second stage: whether Envoy Gateway sends a policy to egraft.
var (
	// Sent: all is well.
	Sent = Code{
		ID: "EGR200", Name: "Sent", Means: "Envoy Gateway sends the policy to egraft.",
		See: "egraft explain KIND/NAMESPACE/NAME",
	}
	// NeverCalled: Envoy Gateway is not configured, or has nothing to translate.
	NeverCalled = Code{
		ID: "EGR201", Name: "NeverCalled", Means: "Envoy Gateway has not called egraft.",
		Cause:  "Envoy Gateway's configuration has no extensionManager for egraft, Envoy Gateway was not restarted after a change of its configuration, or it has no Gateway to translate. egraft does not know calls from before its own start.",
		See:    "egraft explain gateway; the metric egraft_last_call_timestamp_seconds",
		Remedy: "Compare extensionManager in Envoy Gateway's configuration with the output of `egraft config envoy-gateway`. After a change, restart Envoy Gateway.",
	}
	// GatewayNotCalled: other Gateways have calls.
	GatewayNotCalled = Code{
		ID: "EGR202", Name: "GatewayNotCalled", Means: "Envoy Gateway calls egraft, but no call is for this Gateway.",
		Cause:  "The name or namespace is misspelled, the Gateway has no valid route or listener, its GatewayClass belongs to another controller, or another Envoy Gateway serves it.",
		See:    "egraft explain gateway; kubectl describe gateway",
		Remedy: "Correct the name. If the Gateway's conditions Accepted or Programmed are not True, follow their messages.",
	}
	// NotSent: the cause is unknown.
	NotSent = Code{
		ID: "EGR203", Name: "NotSent", Means: "No call of Envoy Gateway contains the policy, and its targets do not show why.",
		Cause:  "The policy does not exist, its kind is missing in policyResources, resources or backendResources of Envoy Gateway's configuration, its namespace is not watched, the calls are older than the policy, or it targets routes and Envoy Gateway is older than 1.9, which does not send such policies.",
		See:    "egraft explain KIND/NAMESPACE/NAME --filename FILE to examine the targets of a policy that egraft has never seen",
		Remedy: "Check the name, and compare Envoy Gateway's configuration with the output of `egraft config envoy-gateway`. `egraft doctor` shows whether Envoy Gateway is too old.",
	}
	// UnknownTarget: usually a typo.
	UnknownTarget = Code{
		ID: "EGR204", Name: "UnknownTarget", Means: "A target of the policy does not exist for Envoy Gateway.",
		Cause:  "The name in targetRefs is wrong, or Envoy Gateway does not accept the Gateway or route.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which prints the nearest names",
		Remedy: "Correct spec.targetRefs, or create the target.",
	}
	// UnknownSection: the Gateway or route exists.
	UnknownSection = Code{
		ID: "EGR205", Name: "UnknownSection", Means: "The target exists, but has no listener or rule with this sectionName.",
		Cause:  "The sectionName is wrong, the listener has no route, or the rule has no name. Listeners of a ListenerSet are not sections of its Gateway.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which prints the sections that exist",
		Remedy: "Correct spec.targetRefs[].sectionName, or omit it to target the whole object.",
	}
	// UnsupportedTarget: includes a GatewayClass, which only a later release of Envoy Gateway sends.
	UnsupportedTarget = Code{
		ID: "EGR206", Name: "UnsupportedTarget", Means: "Envoy Gateway does not send policies with targets of this kind.",
		Cause:  "Envoy Gateway 1.9 and earlier only send policies of Gateways, HTTPRoutes and GRPCRoutes, not of GatewayClasses.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Target Gateways or routes: with mergeGateways, each Gateway; instead of a ListenerSet, its Gateway; instead of a Service, its route.",
	}
	// OtherNamespace: targetRefs cannot cross namespaces.
	OtherNamespace = Code{
		ID: "EGR207", Name: "OtherNamespace", Means: "The target is not in the policy's namespace.",
		Cause:  "targetRefs only refer to objects in the policy's own namespace.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Create the policy in the namespace of its target. To target objects in other namespaces, use targetSelectors with namespaces.",
	}
	// SelectsNothing: the policy has no targetRefs.
	SelectsNothing = Code{
		ID: "EGR208", Name: "SelectsNothing", Means: "The policy's targetSelectors select no Gateway or route in any call.",
		Cause:  "No object of the kind has the labels, the objects are in another namespace, or a ReferenceGrant is missing. With Envoy Gateway's file provider, targetSelectors select nothing.",
		See:    "kubectl get gateways,httproutes --show-labels",
		Remedy: "Correct the labels, or use targetRefs.",
	}
	// RoutesNotIncluded: without routes, egraft cannot tell where policies apply.
	RoutesNotIncluded = Code{
		ID: "EGR209", Name: "RoutesNotIncluded", Means: "The Translation hook does not include routes, so egraft cannot tell which resources belong to a target.",
		Cause:  "hooks.xdsTranslator.translation.route.includeAll in Envoy Gateway's configuration is false or missing, or an extension server before egraft returned no routes.",
		See:    "egraft config envoy-gateway",
		Remedy: "Set Envoy Gateway's configuration to the output of `egraft config envoy-gateway`, and restart it.",
	}
	// NotReferenced: no route refers to the filter or backend.
	NotReferenced = Code{
		ID: "EGR210", Name: "NotReferenced", Means: "No call contains the filter or backend, because no route that Envoy Gateway accepts refers to it.",
		Cause:  "No rule of a route has an ExtensionRef filter or a backendRef with its name, the name in the route is misspelled, or it is in another namespace.",
		See:    "kubectl describe httproute, whose condition ResolvedRefs names invalid references",
		Remedy: "Refer to it by group, kind and name in a route of its namespace.",
	}
	// UnknownResource: the requested route or cluster is unknown.
	UnknownResource = Code{
		ID: "EGR211", Name: "UnknownResource", Means: "No call of Envoy Gateway contains the route or cluster.",
		Cause:  "The name is misspelled, Envoy Gateway does not accept the route, or none of the configured hooks includes resources of this kind.",
		See:    "egraft explain gateway; kubectl describe httproute",
		Remedy: "Correct the name. If the route's conditions Accepted or ResolvedRefs are not True, follow their messages.",
	}
)

var sent = []Code{
	Sent, NeverCalled, GatewayNotCalled, NotSent, UnknownTarget, UnknownSection, UnsupportedTarget, OtherNamespace,
	SelectsNothing, RoutesNotIncluded, NotReferenced, UnknownResource,
}
