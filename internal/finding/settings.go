package finding

// Codes of settings of Envoy Gateway and egraft.
var (
	NoConfiguration = Code{
		ID: "EGR500", Name: "NoConfiguration", Means: "Envoy Gateway's configuration cannot be read.",
		See: "egraft doctor", Remedy: "Name the file with --envoy-gateway-config, or a kubeconfig that may read the ConfigMap envoy-gateway-config.",
	}
	UnsupportedVersion = Code{
		ID: "EGR501", Name: "UnsupportedVersion", Means: "egraft is not tested with this version of Envoy Gateway.",
		Cause: "What Envoy Gateway sends to an extension server differs between minor versions.",
		See:   "egraft version", Remedy: "Use the version of Envoy Gateway that `egraft version` prints, or an egraft for yours.",
	}
	NotWired = Code{
		ID: "EGR502", Name: "NotWired", Means: "Envoy Gateway's configuration has no extension manager for egraft, so that no policy of egraft has an effect.",
		Cause: "The stanza is missing, or it was written to a configuration that Envoy Gateway does not read.",
		See:   "egraft config envoy-gateway", Remedy: "Add what `egraft config envoy-gateway` prints, and restart Envoy Gateway.",
	}
	OtherAddress = Code{
		ID: "EGR503", Name: "OtherAddress", Means: "Envoy Gateway connects to another socket or address than the one on which egraft listens, and waits without limit.",
		See: "egraft config envoy-gateway", Remedy: "Use the same path for `service.unix.path` and `--socket`, in a volume that both containers mount.",
	}
	MissingHooks = Code{
		ID: "EGR504", Name: "MissingHooks", Means: "Envoy Gateway does not call a hook that an enabled feature needs.",
		Cause: "Features were enabled or updated, and Envoy Gateway's configuration was not.",
		See:   "egraft config envoy-gateway", Remedy: "Compare `hooks.xdsTranslator.post` with what `egraft config envoy-gateway` prints.",
	}
	MissingKinds = Code{
		ID: "EGR505", Name: "MissingKinds", Means: "Envoy Gateway does not read a kind of custom resource that an enabled feature needs. Objects of this kind have no effect.",
		See: "egraft config envoy-gateway", Remedy: "Compare `policyResources`, `resources` and `backendResources` with what `egraft config envoy-gateway` prints.",
	}
	NotIncluded = Code{
		ID: "EGR506", Name: "NotIncluded", Means: "Envoy Gateway does not send a kind of resource that an enabled feature needs in the hook Translation.",
		Cause: "Envoy Gateway sends clusters and secrets by default, listeners and routes only if it is told to.",
		See:   "egraft config envoy-gateway", Remedy: "Set `hooks.xdsTranslator.translation` to what `egraft config envoy-gateway` prints.",
	}
	MessageLimit = Code{
		ID: "EGR507", Name: "MessageLimit", Means: "Messages between Envoy Gateway and egraft are, or can soon be, larger than the limit of one of them. Changes of a Gateway with such messages do not reach Envoy.",
		See: "egraft_largest_message_bytes of /metrics", Remedy: "Raise `maxMessageSize` of the extension manager and `--max-message-size` of egraft, both to the same size.",
	}
	FailOpen = Code{
		ID: "EGR508", Name: "FailOpen", Means: "With `failOpen: true`, Envoy Gateway publishes the configuration without egraft's changes when egraft responds with an error: cleartext reaches backends that a policy protects.",
		See: "egraft config envoy-gateway", Remedy: "Remove `failOpen`, or set it to false: Envoy then keeps the last good configuration.",
	}
	NotLast = Code{
		ID: "EGR509", Name: "NotLast", Means: "Another extension server comes after egraft. What egraft changed is lost if that one responds without the resource.",
		See: "extensionManagers of Envoy Gateway's configuration", Remedy: "Make egraft the last of `extensionManagers`.",
	}
	NotLoaded = Code{
		ID: "EGR510", Name: "NotLoaded", Means: "Envoy Gateway runs with other settings for extension servers than its configuration has.",
		Cause: "The configuration is not valid, so that Envoy Gateway keeps the one before; it changed less than a minute or two ago; or Envoy Gateway does not notice changes of it.",
		See:   "the lines of config-loader in Envoy Gateway's log", Remedy: "Correct what the log names, or restart Envoy Gateway.",
	}
	UntestedFlag = Code{
		ID: "EGR511", Name: "UntestedFlag", Means: "Envoy Gateway has a runtime flag with which egraft is not tested.",
		Cause: "Runtime flags change names and resources that Envoy Gateway sends.",
		See:   "runtimeFlags of Envoy Gateway's configuration", Remedy: "Compare what `egraft explain` says with and without the flag.",
	}
	ManagersWithFiles = Code{
		ID: "EGR512", Name: "ManagersWithFiles", Means: "Envoy Gateway takes its resources from files and has several extension managers: it then reads no custom resources of theirs.",
		See: "provider and extensionManagers of Envoy Gateway's configuration", Remedy: "Use `extensionManager` with egraft alone, or take resources from an API server.",
	}
	EgraftUnreachable = Code{
		ID: "EGR530", Name: "EgraftUnreachable", Means: "No egraft answers on its admin address.",
		Cause: "egraft does not run, or its admin address is off or another one.",
		See:   "egraft healthcheck", Remedy: "Start egraft, or name its admin address with --admin-address.",
	}
	Unhealthy = Code{
		ID: "EGR531", Name: "Unhealthy", Means: "egraft runs, and reports that it does not work as it should.",
		See: "/readyz of the admin address", Remedy: "See the reason. Abandoned goroutines of a mutator end with a restart of egraft.",
	}
	NotCalled = Code{
		ID: "EGR532", Name: "NotCalled", Means: "Envoy Gateway has not called egraft since egraft started.",
		Cause: "Envoy Gateway cannot connect, is not told to call, or has no Gateway.",
		See:   "egraft_last_call_timestamp_seconds of /metrics", Remedy: "See the log of Envoy Gateway for the path of the socket.",
	}
	CallsFail = Code{
		ID: "EGR533", Name: "CallsFail", Means: "egraft responded to the last call of a hook with an error. Envoy keeps the configuration it has of that Gateway.",
		See: "the line `call failed` of egraft's log", Remedy: "See the error there. Envoy Gateway calls again when a resource of the Gateway changes.",
	}
	ReplicasDiffer = Code{
		ID: "EGR534", Name: "ReplicasDiffer", Means: "Replicas of egraft have different versions or features, so that Envoys get different configuration.",
		Cause: "An update is in progress, or has stopped halfway.",
		See:   "kubectl rollout status", Remedy: "Finish the update.",
	}
)

var settings = []Code{
	NoConfiguration, UnsupportedVersion, NotWired, OtherAddress, MissingHooks, MissingKinds, NotIncluded, MessageLimit,
	FailOpen, NotLast, NotLoaded, UntestedFlag, ManagersWithFiles,
	EgraftUnreachable, Unhealthy, NotCalled, CallsFail, ReplicasDiffer,
}
