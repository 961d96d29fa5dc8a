package finding

// Codes of the third stage: what became of a policy in egraft. Those of outcomes have the name of
// the reason, see [OfReason].
var (
	Programmed = Code{
		ID: "EGR300", Name: "Programmed", Means: "The policy is in effect on each target on which it has precedence.",
		See: "egraft explain KIND/NAMESPACE/NAME --diff",
	}
	Invalid = Code{
		ID: "EGR301", Name: "Invalid", Means: "The policy is not valid. Its failure policy decides whether requests to its targets are rejected.",
		Cause:  "A field is wrong in a way that the CRD does not check, or is not permitted where egraft runs: the message names it.",
		See:    "egraft explain KIND/NAMESPACE/NAME; kubectl describe shows the same as an Event",
		Remedy: "Correct the field.",
	}
	Conflicted = Code{
		ID: "EGR302", Name: "Conflicted", Means: "Another policy of the same kind has the same target and takes precedence.",
		Cause:  "Of two policies with the same target, the older takes precedence, and of two of the same age the first by namespace and name.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which names the policy that is in effect",
		Remedy: "Delete one of them, or give one a more specific target.",
	}
	Overridden = Code{
		ID: "EGR303", Name: "Overridden", Means: "Policies with more specific targets override this one everywhere.",
		Cause:  "A policy of a rule overrides that of the route, which overrides that of the listener, which overrides that of the Gateway.",
		See:    "egraft explain KIND/NAMESPACE/NAME",
		Remedy: "Nothing, if that is intended. Otherwise change the more specific policy that the message names.",
	}
	TargetNotFound = Code{
		ID: "EGR304", Name: "TargetNotFound", Means: "The targets exist, and no resource of the configuration belongs to them.",
		Cause:  "The target has no route, or its routes lead to nothing that the policy changes: for example a redirect, or a backend that the policy does not cover.",
		See:    "egraft explain gateway/NAMESPACE/NAME",
		Remedy: "Attach a route, or change spec.targetRefs.",
	}
	ApplyFailed = Code{
		ID: "EGR305", Name: "ApplyFailed", Means: "The policy is valid, and egraft could not apply it. The message names the resource and the failure.",
		Cause:  "A mutator failed on a resource, or the call lacks resources that the policy needs.",
		See:    "egraft explain KIND/NAMESPACE/NAME; egraft's log has the line `mutator failed`",
		Remedy: "Do what the message says. If it is a panic or a timeout, report it.",
	}
	Pending = Code{
		ID: "EGR306", Name: "Pending", Means: "egraft has the policy from the hook of a single resource, and no translation has followed.",
		Cause:  "Envoy Gateway is translating, its translation failed, or the Translation hook is not configured.",
		See:    "egraft explain KIND/NAMESPACE/NAME after the next translation; Envoy Gateway's log",
		Remedy: "If it stays so, compare Envoy Gateway's configuration with the output of `egraft config envoy-gateway`.",
	}
	Shadow = Code{
		ID: "EGR307", Name: "Shadow", Means: "The policy's effect is Shadow: it changes nothing. The message tells what it would do if it were enforced.",
		Cause:  "spec.effect is Shadow.",
		See:    "egraft explain KIND/NAMESPACE/NAME --diff",
		Remedy: "Set spec.effect to Enforce, or remove the field, when the policy is to take effect.",
	}
)

// Codes of what a mutator did with one resource. They have the names of the engine's results, see
// [OfReason].
var (
	Applied = Code{
		ID: "EGR320", Name: "Applied", Means: "The mutator changed the resource.",
		See: "egraft explain cluster NAME --diff",
	}
	Unchanged = Code{
		ID: "EGR321", Name: "Unchanged", Means: "The mutator ran, and the resource is as it should be already.",
		See: "egraft explain cluster NAME --diff",
	}
	Denied = Code{
		ID: "EGR322", Name: "Denied", Means: "A mutator failed on the resource, or a policy is invalid, and Envoy rejects requests to it.",
		Cause:  "The failure policy is Deny, which is the default of most features.",
		See:    "egraft explain KIND/NAMESPACE/NAME, with the reason",
		Remedy: "Correct what the reason names. `failurePolicy: Ignore` in a policy, or --failure-policy, lets requests through without the feature.",
	}
	Ignored = Code{
		ID: "EGR323", Name: "Ignored", Means: "A mutator failed on the resource, which is unmodified: requests are served without the feature.",
		Cause:  "The failure policy is Ignore.",
		See:    "egraft explain KIND/NAMESPACE/NAME, with the reason",
		Remedy: "Correct what the reason names.",
	}
	CallFailed = Code{
		ID: "EGR324", Name: "CallFailed", Means: "The hook call failed. Envoy keeps the configuration that it has.",
		Cause:  "The failure policy of a feature is Fail, or a resource of the call cannot be read.",
		See:    "Envoy Gateway's log; egraft's log has the line of the call",
		Remedy: "Correct what the reason names. Envoy Gateway calls again when a resource changes.",
	}
	Panicked = Code{
		ID: "EGR325", Name: "Panicked", Means: "A mutator panicked. Only its edit of one resource is lost.",
		Cause:  "A fault of the feature.",
		See:    "egraft's log, with the stack",
		Remedy: "Report it, with the output of `egraft collect`.",
	}
	TimedOut = Code{
		ID: "EGR326", Name: "TimedOut", Means: "A mutator took longer than --mutator-timeout on one resource.",
		Cause:  "A fault of the feature, or too little CPU.",
		See:    "egraft's log; the metric egraft_abandoned_goroutines",
		Remedy: "Give egraft more CPU, or raise --mutator-timeout. Otherwise report it.",
	}
	Quarantined = Code{
		ID: "EGR327", Name: "Quarantined", Means: "A mutator was not run, because it panicked or timed out on the same input a short time ago.",
		Cause:  "As of EGR325 and EGR326.",
		See:    "egraft's log",
		Remedy: "As of EGR325 and EGR326. egraft runs the mutator again after a while.",
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
		ID: "EGR330", Name: "NameConflict", Means: "A resource that egraft would add has the name of another one, which is left as it is.",
		Cause:  "An EnvoyPatchPolicy or another extension server made a resource with the name, or two features did.",
		See:    "egraft explain gateway/NAMESPACE/NAME",
		Remedy: "Rename the other resource.",
	}
)

var applied = []Code{
	Programmed, Invalid, Conflicted, Overridden, TargetNotFound, ApplyFailed, Pending, Shadow,
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
