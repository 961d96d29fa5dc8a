package finding

// Codes of the second stage: whether Envoy Gateway sends a policy to egraft.
var (
	// Sent: all is well.
	Sent = Code{
		ID: "EGR200", Name: "Sent", Means: "Envoy Gateway sends the policy to egraft.",
		See: "egraft explain KIND/NAMESPACE/NAME",
	}
	// NeverCalled: nothing is wired, or Envoy Gateway has nothing to translate.
	NeverCalled = Code{
		ID: "EGR201", Name: "NeverCalled", Means: "Envoy Gateway has not called egraft.",
		Cause:  "Envoy Gateway's configuration has no extensionManager that leads to egraft, Envoy Gateway was not restarted after it changed, or it has no Gateway to translate. egraft keeps no calls of the time before its own start.",
		See:    "egraft explain gateway; the metric egraft_last_call_timestamp_seconds",
		Remedy: "Compare extensionManager in Envoy Gateway's configuration with the output of `egraft config envoy-gateway`, and restart Envoy Gateway after a change.",
	}
	// GatewayNotCalled: other Gateways have calls.
	GatewayNotCalled = Code{
		ID: "EGR202", Name: "GatewayNotCalled", Means: "Envoy Gateway calls egraft, and no call is about this Gateway.",
		Cause:  "The name or namespace is another one, the Gateway has no route or listener that works, its GatewayClass belongs to another controller, or another Envoy Gateway serves it.",
		See:    "egraft explain gateway; kubectl describe gateway",
		Remedy: "Correct the name. Make the Gateway's conditions Accepted and Programmed true.",
	}
	// NotSent: the reason is not known.
	NotSent = Code{
		ID: "EGR203", Name: "NotSent", Means: "No call of Envoy Gateway has the policy, and its targets do not tell why.",
		Cause:  "The policy does not exist where Envoy Gateway looks, its kind is not among policyResources, resources or backendResources of Envoy Gateway's configuration, its namespace is not watched, or the calls are from before it was created.",
		See:    "egraft explain KIND/NAMESPACE/NAME --filename FILE to examine the targets of a policy that egraft has never seen",
		Remedy: "Check the name, and compare Envoy Gateway's configuration with the output of `egraft config envoy-gateway`.",
	}
	// UnknownTarget: a typo, as a rule.
	UnknownTarget = Code{
		ID: "EGR204", Name: "UnknownTarget", Means: "A target of the policy does not exist for Envoy Gateway.",
		Cause:  "The name in targetRefs is wrong, or Envoy Gateway does not accept the Gateway or route.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which prints the nearest names",
		Remedy: "Correct spec.targetRefs, or create the target.",
	}
	// UnknownSection: of a Gateway or route that is there.
	UnknownSection = Code{
		ID: "EGR205", Name: "UnknownSection", Means: "The target exists, and has no listener or rule with this sectionName.",
		Cause:  "The sectionName is wrong, the listener has no route, or the rule has no name. The sections of a ListenerSet are not those of its Gateway.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which prints the sections that exist",
		Remedy: "Correct spec.targetRefs[].sectionName, or leave it out to have the whole target.",
	}
	// UnsupportedTarget: includes the GatewayClass of merged Gateways.
	UnsupportedTarget = Code{
		ID: "EGR206", Name: "UnsupportedTarget", Means: "Policies cannot have targets of this kind.",
		Cause:  "Envoy Gateway sends policies of Gateways, HTTPRoutes and GRPCRoutes only. With mergeGateways it sends none of the GatewayClass.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Name the Gateways or routes themselves: with mergeGateways each Gateway, in place of a ListenerSet the Gateway, in place of a Service its route.",
	}
	// OtherNamespace: a policy and its target must have the same.
	OtherNamespace = Code{
		ID: "EGR207", Name: "OtherNamespace", Means: "The target is in another namespace than the policy.",
		Cause:  "targetRefs name objects of the policy's own namespace.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Create the policy in the namespace of its target. For Gateways, targetSelectors with namespaces select those of other namespaces.",
	}
	// SelectsNothing: of a policy without targetRefs.
	SelectsNothing = Code{
		ID: "EGR208", Name: "SelectsNothing", Means: "The policy's targetSelectors select no Gateway or route of any call.",
		Cause:  "The labels are on no object of the kind, the objects are in another namespace, or a ReferenceGrant is missing. Envoy Gateway's file provider selects nothing by labels.",
		See:    "kubectl get gateways,httproutes --show-labels",
		Remedy: "Correct the labels, or use targetRefs.",
	}
	// RoutesNotIncluded: the calls lack what says where policies apply.
	RoutesNotIncluded = Code{
		ID: "EGR209", Name: "RoutesNotIncluded", Means: "The Translation hook comes without routes, so that egraft cannot tell which resources belong to a target.",
		Cause:  "hooks.xdsTranslator.translation.route.includeAll of Envoy Gateway's configuration is false or missing, or an extension server before egraft returned no routes.",
		See:    "egraft config envoy-gateway",
		Remedy: "Configure Envoy Gateway as `egraft config envoy-gateway` prints it, and restart it.",
	}
	// NotReferenced: of filters and backends.
	NotReferenced = Code{
		ID: "EGR210", Name: "NotReferenced", Means: "No call has the filter or backend, because no route that Envoy Gateway accepts refers to it.",
		Cause:  "No rule of a route has it as an ExtensionRef filter or as a backendRef, the name in the route is wrong, or it is in another namespace.",
		See:    "kubectl describe httproute, whose condition ResolvedRefs names references that are wrong",
		Remedy: "Refer to it by group, kind and name in a route of its namespace.",
	}
	// UnknownResource: a route or cluster that was asked about.
	UnknownResource = Code{
		ID: "EGR211", Name: "UnknownResource", Means: "No call of Envoy Gateway has the route or cluster.",
		Cause:  "The name is another one, Envoy Gateway does not accept the route, or it sends the resources of the kind in none of the hooks that egraft has.",
		See:    "egraft explain gateway; kubectl describe httproute",
		Remedy: "Correct the name. Make the route's conditions Accepted and ResolvedRefs true.",
	}
)

var sent = []Code{
	Sent, NeverCalled, GatewayNotCalled, NotSent, UnknownTarget, UnknownSection, UnsupportedTarget, OtherNamespace,
	SelectsNothing, RoutesNotIncluded, NotReferenced, UnknownResource,
}
