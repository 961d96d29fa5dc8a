package finding

// Codes of the third stage: the outcome of a policy in egraft. A code has the name of the outcome's
// reason, see [OfReason].
var (
	Programmed = Code{
		ID: "EGR300", Name: "Programmed", Means: "The policy is in effect on each target on which it has precedence.",
		See: "egraft explain KIND/NAMESPACE/NAME --diff",
	}
	Invalid = Code{
		ID: "EGR301", Name: "Invalid", Means: "The policy is not valid. Its failure policy decides whether requests to its targets are rejected.",
		Cause:  "A field has an invalid value that the CRD does not detect, or a value that egraft's settings do not permit. The message names the field. With Envoy Gateway's file provider, a field that you remove from a file stays in effect until you delete the file and, some seconds later, write it again.",
		See:    "egraft explain KIND/NAMESPACE/NAME; kubectl describe shows the same as an Event",
		Remedy: "Correct the field.",
	}
	Conflicted = Code{
		ID: "EGR302", Name: "Conflicted", Means: "Another policy of the same kind has the same target and takes precedence.",
		Cause:  "If two policies have the same target, the older one takes precedence. If they have the same age, the first by namespace and name takes precedence.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which names the policy that is in effect",
		Remedy: "Delete one of them, or give one a more specific target.",
	}
	Overridden = Code{
		ID: "EGR303", Name: "Overridden", Means: "Policies with more specific targets override this one everywhere.",
		Cause:  "Precedence, highest first: rule, route, listener, Gateway.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Nothing, if this is intended. Otherwise, change the more specific policy that the message names.",
	}
	TargetNotFound = Code{
		ID: "EGR304", Name: "TargetNotFound", Means: "The targets exist, but no resource of the configuration belongs to them.",
		Cause:  "The target has no route, or its routes lead to nothing that the policy changes: for example a redirect, or a backend that the policy does not cover.",
		See:    "egraft explain gateway/NAMESPACE/NAME",
		Remedy: "Attach a route, or change spec.targetRefs.",
	}
	ApplyFailed = Code{
		ID: "EGR305", Name: "ApplyFailed", Means: "The policy is valid, but egraft could not apply it. The message names the resource and the failure.",
		Cause:  "A mutator failed on a resource, or the call lacks resources that the policy needs.",
		See:    "egraft explain KIND/NAMESPACE/NAME; egraft's log has the line `mutator failed`",
		Remedy: "Follow the message. If it names a panic or a timeout, report it.",
	}
	Pending = Code{
		ID: "EGR306", Name: "Pending", Means: "egraft received the policy in the hook of a single resource, but no translation has followed.",
		Cause:  "Envoy Gateway is translating, its translation failed, or the Translation hook is not configured.",
		See:    "egraft explain KIND/NAMESPACE/NAME after the next translation; Envoy Gateway's log",
		Remedy: "If the finding persists, compare Envoy Gateway's configuration with the output of `egraft config envoy-gateway`.",
	}
	Shadow = Code{
		ID: "EGR307", Name: "Shadow", Means: "The policy's effect is Shadow: it changes nothing. The message describes what it would do if it were enforced.",
		Cause:  "spec.effect is Shadow.",
		See:    "egraft explain KIND/NAMESPACE/NAME --diff",
		Remedy: "When the policy should take effect, set spec.effect to Enforce or remove the field.",
	}
	MatchedNothing = Code{
		ID: "EGR308", Name: "MatchedNothing", Means: "The policy is valid and its targets have resources, but the policy selects none of them, or fewer than it expects. It is not applied.",
		Cause:  "The condition or the selection in the policy does not match, or matches less often than the policy expects.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Correct the selection, or the expected number.",
	}
)

// Codes of a mutator's result for one resource. They have the names of the engine's results, see [OfReason].
var (
	Applied = Code{
		ID: "EGR320", Name: "Applied", Means: "The mutator changed the resource.",
		See: "egraft explain cluster NAME --diff",
	}
	Unchanged = Code{
		ID: "EGR321", Name: "Unchanged", Means: "The mutator ran, but the resource did not need a change.",
		See: "egraft explain cluster NAME --diff",
	}
	Denied = Code{
		ID: "EGR322", Name: "Denied", Means: "A mutator failed on the resource, or a policy is invalid, and Envoy rejects requests to it.",
		Cause:  "The failure policy is Deny, which is the default of most features.",
		See:    "egraft explain KIND/NAMESPACE/NAME, with the reason",
		Remedy: "Correct the problem that the reason names. To let requests through without the feature, set `failurePolicy: Ignore` in the policy, or --failure-policy.",
	}
	Ignored = Code{
		ID: "EGR323", Name: "Ignored", Means: "A mutator failed on the resource. The resource is unmodified, and requests are served without the feature.",
		Cause:  "The failure policy is Ignore.",
		See:    "egraft explain KIND/NAMESPACE/NAME, with the reason",
		Remedy: "Correct the problem that the reason names.",
	}
	CallFailed = Code{
		ID: "EGR324", Name: "CallFailed", Means: "The hook call failed. Envoy keeps its configuration.",
		Cause:  "The failure policy of a feature is Fail, or a resource in the call cannot be read.",
		See:    "Envoy Gateway's log; the line `call failed` in egraft's log",
		Remedy: "Correct the problem that the reason names. Envoy Gateway calls again when a resource changes.",
	}
	Panicked = Code{
		ID: "EGR325", Name: "Panicked", Means: "A mutator panicked. Only its edit of one resource is lost.",
		Cause:  "A bug in the feature.",
		See:    "egraft's log, with the stack",
		Remedy: "Report it, with the output of `egraft collect`.",
	}
	TimedOut = Code{
		ID: "EGR326", Name: "TimedOut", Means: "A mutator took longer than --mutator-timeout on one resource.",
		Cause:  "A bug in the feature, or too little CPU.",
		See:    "egraft's log; the metric egraft_abandoned_goroutines",
		Remedy: "Give egraft more CPU, or raise --mutator-timeout. If that does not help, report it.",
	}
	Quarantined = Code{
		ID: "EGR327", Name: "Quarantined", Means: "A mutator was skipped, because it recently panicked or timed out on the same input.",
		Cause:  "The same as for EGR325 and EGR326.",
		See:    "egraft's log",
		Remedy: "The same as for EGR325 and EGR326. egraft runs the mutator again after a while.",
	}
	Added = Code{
		ID: "EGR328", Name: "Added", Means: "egraft added the resource to the translation.",
		See: "egraft explain cluster NAME --diff",
	}
	Pruned = Code{
		ID: "EGR329", Name: "Pruned", Means: "egraft removed the secret, because nothing refers to it any more.",
		See: "egraft explain gateway/NAMESPACE/NAME --diff",
	}
	NameConflict = Code{
		ID: "EGR330", Name: "NameConflict", Means: "A resource that egraft would add has the same name as another one, which stays unmodified.",
		Cause:  "An EnvoyPatchPolicy or another extension server created a resource with this name, or two features add one.",
		See:    "egraft explain gateway/NAMESPACE/NAME",
		Remedy: "Rename the other resource.",
	}
)

var applied = []Code{
	Programmed, Invalid, Conflicted, Overridden, TargetNotFound, ApplyFailed, Pending, Shadow, MatchedNothing,
	Applied, Unchanged, Denied, Ignored, CallFailed, Panicked, TimedOut, Quarantined, Added, Pruned, NameConflict,
}

// OfReason returns the code of a policy's outcome or of a mutator's result on a resource, by its
// reason or result, which may be in camel case or have dashes.
func OfReason(reason string) (Code, bool) {
	name := camel(reason)
	for _, c := range applied {
		if c.Name == name {
			return c, true
		}
	}
	return Code{}, false
}
