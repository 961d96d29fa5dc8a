package finding

// Codes of settings of Envoy Gateway and egraft.
var (
	NoConfiguration = Code{
		ID: "EGR500", Name: "NoConfiguration", Means: "Envoy Gateway's configuration cannot be read.",
		See: "egraft doctor", Remedy: "Pass the file with --envoy-gateway-config, or use a kubeconfig with permission to read the ConfigMap envoy-gateway-config.",
	}
	UnsupportedVersion = Code{
		ID: "EGR501", Name: "UnsupportedVersion", Means: "egraft is not tested with this version of Envoy Gateway.",
		Cause: "The data that Envoy Gateway sends to an extension server differs between minor versions.",
		See:   "egraft version", Remedy: "Use the version of Envoy Gateway that `egraft version` prints, or a version of egraft for yours.",
	}
	NotWired = Code{
		ID: "EGR502", Name: "NotWired", Means: "Envoy Gateway's configuration has no extension manager for egraft, so no policy of egraft takes effect.",
		Cause: "The section is missing, or is in a file that Envoy Gateway does not read.",
		See:   "egraft config envoy-gateway", Remedy: "Add the output of `egraft config envoy-gateway`, and restart Envoy Gateway.",
	}
	OtherAddress = Code{
		ID: "EGR503", Name: "OtherAddress", Means: "Envoy Gateway does not connect to the socket or address on which egraft listens, and waits indefinitely.",
		See: "egraft config envoy-gateway", Remedy: "Use the same path for `service.unix.path` and `--socket`, in a volume that both containers mount.",
	}
	MissingHooks = Code{
		ID: "EGR504", Name: "MissingHooks", Means: "Envoy Gateway does not call a hook that an enabled feature needs.",
		Cause: "Features were enabled or updated without updating Envoy Gateway's configuration.",
		See:   "egraft config envoy-gateway", Remedy: "Compare `hooks.xdsTranslator.post` with the output of `egraft config envoy-gateway`.",
	}
	MissingKinds = Code{
		ID: "EGR505", Name: "MissingKinds", Means: "Envoy Gateway does not read a kind of custom resource that an enabled feature needs. Objects of this kind have no effect.",
		See: "egraft config envoy-gateway", Remedy: "Compare `policyResources`, `resources` and `backendResources` with the output of `egraft config envoy-gateway`.",
	}
	NotIncluded = Code{
		ID: "EGR506", Name: "NotIncluded", Means: "Envoy Gateway does not send a kind of resource that an enabled feature needs in the Translation hook.",
		Cause: "By default, Envoy Gateway sends clusters and secrets, but not listeners and routes.",
		See:   "egraft config envoy-gateway", Remedy: "Set `hooks.xdsTranslator.translation` to the output of `egraft config envoy-gateway`.",
	}
	MessageLimit = Code{
		ID: "EGR507", Name: "MessageLimit", Means: "Messages between Envoy Gateway and egraft exceed a limit, or may soon exceed it. Changes to a Gateway with such messages do not reach Envoy.",
		See: "egraft_largest_message_bytes in /metrics", Remedy: "Raise `maxMessageSize` of the extension manager and `--max-message-size` of egraft to the same value.",
	}
	FailOpen = Code{
		ID: "EGR508", Name: "FailOpen", Means: "With `failOpen: true`, if egraft responds with an error, Envoy Gateway publishes the configuration without egraft's changes: cleartext reaches backends that a policy protects.",
		See: "egraft config envoy-gateway", Remedy: "Remove `failOpen`, or set it to false: Envoy then keeps the last valid configuration.",
	}
	NotLast = Code{
		ID: "EGR509", Name: "NotLast", Means: "Another extension server comes after egraft. If it responds without the resource, egraft's changes are lost.",
		See: "extensionManagers in Envoy Gateway's configuration", Remedy: "Make egraft the last entry of `extensionManagers`.",
	}
	NotLoaded = Code{
		ID: "EGR510", Name: "NotLoaded", Means: "The extension server settings of the running Envoy Gateway differ from its configuration.",
		Cause: "The configuration is invalid, so Envoy Gateway keeps the previous one; it changed less than two minutes ago; or Envoy Gateway does not detect the change.",
		See:   "the lines of config-loader in Envoy Gateway's log", Remedy: "Correct the problem that the log names, or restart Envoy Gateway.",
	}
	UntestedFlag = Code{
		ID: "EGR511", Name: "UntestedFlag", Means: "Envoy Gateway uses a runtime flag with which egraft is not tested.",
		Cause: "Runtime flags change the names and resources that Envoy Gateway sends.",
		See:   "runtimeFlags in Envoy Gateway's configuration", Remedy: "Compare the output of `egraft explain` with and without the flag.",
	}
	ManagersWithFiles = Code{
		ID: "EGR512", Name: "ManagersWithFiles", Means: "Envoy Gateway uses the file provider with several extension managers: it then reads none of their custom resources.",
		See: "provider and extensionManagers in Envoy Gateway's configuration", Remedy: "Use `extensionManager` with egraft only, or use the Kubernetes provider.",
	}
	NotInRelease = Code{
		ID: "EGR513", Name: "NotInRelease", Means: "This release of Envoy Gateway lacks something that enabled features or policies need.",
		Cause:  "Before 1.9, Envoy Gateway does not send policies that target HTTPRoutes or GRPCRoutes: they have no effect, and their routes are served without them. Before 1.8, it does not have the Endpoints hook.",
		See:    "kubectl logs deployment/envoy-gateway --namespace envoy-gateway-system, whose errors name each policy that \"doesn't target a Gateway\"",
		Remedy: "Use a newer release of Envoy Gateway. Until then, target Gateways or listeners instead of routes.",
	}
	EgraftUnreachable = Code{
		ID: "EGR530", Name: "EgraftUnreachable", Means: "No egraft responds on its admin address.",
		Cause: "egraft is not running, or its admin address is disabled or different.",
		See:   "egraft healthcheck", Remedy: "Start egraft, or pass its admin address with --admin-address.",
	}
	Unhealthy = Code{
		ID: "EGR531", Name: "Unhealthy", Means: "egraft is running, but reports a problem.",
		See: "/readyz on the admin address", Remedy: "Follow the reason. To end abandoned goroutines of a mutator, restart egraft.",
	}
	NotCalled = Code{
		ID: "EGR532", Name: "NotCalled", Means: "Envoy Gateway has not called egraft since egraft started.",
		Cause: "Envoy Gateway cannot connect, is not configured to call egraft, or has no Gateway.",
		See:   "egraft_last_call_timestamp_seconds in /metrics", Remedy: "Search the log of Envoy Gateway for the path of the socket.",
	}
	CallsFail = Code{
		ID: "EGR533", Name: "CallsFail", Means: "egraft responded to the last call of a hook with an error. Envoy keeps the last configuration of that Gateway.",
		See: "the line `call failed` in egraft's log", Remedy: "Correct the problem that the error names. Envoy Gateway calls again when a resource of the Gateway changes.",
	}
	ReplicasDiffer = Code{
		ID: "EGR534", Name: "ReplicasDiffer", Means: "Replicas of egraft have different versions or features, so Envoys get different configurations.",
		Cause: "A rollout is in progress, or has stopped halfway.",
		See:   "kubectl rollout status", Remedy: "Complete the rollout.",
	}
)

var settings = []Code{
	NoConfiguration, UnsupportedVersion, NotWired, OtherAddress, MissingHooks, MissingKinds, NotIncluded, MessageLimit,
	FailOpen, NotLast, NotLoaded, UntestedFlag, ManagersWithFiles, NotInRelease,
	EgraftUnreachable, Unhealthy, NotCalled, CallsFail, ReplicasDiffer,
}
