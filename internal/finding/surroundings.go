package finding

// Codes of other configuration that conflicts with egraft's.
var (
	PatchConflict = Code{
		ID: "EGR700", Name: "PatchConflict", Means: "An EnvoyPatchPolicy patches resources that egraft adds or changes. Envoy Gateway applies it before it calls egraft.",
		Cause: "If a patch is for a resource that egraft adds, the resource does not exist yet, and Envoy Gateway rejects the EnvoyPatchPolicy. If a policy of egraft applies, it replaces the TLS settings of a patch.",
		See:   "kubectl get envoypatchpolicies --all-namespaces --output yaml", Remedy: "Remove the patch, or replace it with a policy of egraft.",
	}
	AnyIdentity = Code{
		ID: "EGR701", Name: "AnyIdentity", Means: "A TLS context verifies peers with a SPIFFE bundle but without a SPIFFE ID, so Envoy accepts every workload of the trust domain.",
		Cause: "Envoy's SPIFFE validator ignores matchers that are not for URIs, such as the DNS name of a BackendTLSPolicy. egraft never creates such a context.",
		See:   "curl 127.0.0.1:19000/config_dump, in Envoy's pod", Remedy: "Use a BackendMTLSPolicy or FrontendMTLSPolicy, or add a matcher with san_type URI.",
	}
	UpdateRejected = Code{
		ID: "EGR702", Name: "UpdateRejected", Means: "Envoy rejected the latest version of a resource, and uses the previous one, or none.",
		See: "error_state in curl 127.0.0.1:19000/config_dump, in Envoy's pod", Remedy: "Correct the problem that the message names. egraft may not be its cause.",
	}
	AgentNotMounted = Code{
		ID: "EGR703", Name: "AgentNotMounted", Means: "Envoy requests certificates from a SPIFFE agent on a socket that none of its volumes contains. Requests are rejected.",
		Cause: "The EnvoyProxy of the Gateway has no volume for the socket, or the policy uses another path.",
		See:   "kubectl get pod --output yaml", Remedy: "Mount the directory of the socket through the EnvoyProxy, as deploy/spire does, or correct agent.socketPath in the policy.",
	}
	RegistrationEntries = Code{
		ID: "EGR704", Name: "RegistrationEntries", Means: "Envoy requests these identities from its SPIFFE agent. Each needs a registration entry.",
		See: "spire-server entry show", Remedy: "Create the entries with the commands that `egraft doctor` prints.",
	}
)

var surroundings = []Code{PatchConflict, AnyIdentity, UpdateRejected, AgentNotMounted, RegistrationEntries}
