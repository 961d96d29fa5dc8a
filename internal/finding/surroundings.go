package finding

// Codes of what else is in the configuration, and works against egraft.
var (
	PatchConflict = Code{
		ID: "EGR700", Name: "PatchConflict", Means: "An EnvoyPatchPolicy changes what egraft adds or changes. Envoy Gateway applies it before it calls egraft.",
		Cause: "A patch of a resource that egraft adds finds nothing, and Envoy Gateway rejects the EnvoyPatchPolicy. TLS settings that a patch makes are replaced where a policy of egraft applies.",
		See:   "kubectl get envoypatchpolicies --all-namespaces --output yaml", Remedy: "Remove the patch, or replace it by a policy of egraft.",
	}
	AnyIdentity = Code{
		ID: "EGR701", Name: "AnyIdentity", Means: "A TLS context verifies peers with a bundle of SPIFFE, and no SPIFFE ID: Envoy accepts every workload of the trust domain.",
		Cause: "Envoy's SPIFFE validator ignores matchers that are not for URIs, such as the DNS name of a BackendTLSPolicy. egraft never makes such a context.",
		See:   "curl 127.0.0.1:19000/config_dump, at Envoy", Remedy: "Use a BackendMTLSPolicy or FrontendMTLSPolicy, or add a matcher with san_type URI.",
	}
	UpdateRejected = Code{
		ID: "EGR702", Name: "UpdateRejected", Means: "Envoy rejected the newest version of a resource, and uses the one before or none.",
		See: "error_state in curl 127.0.0.1:19000/config_dump, at Envoy", Remedy: "Correct what the message names. It may be none of egraft's.",
	}
	AgentNotMounted = Code{
		ID: "EGR703", Name: "AgentNotMounted", Means: "Envoy asks a SPIFFE agent for certificates on a socket that is in none of its volumes. Requests are rejected.",
		Cause: "The EnvoyProxy of the Gateway has no volume for the socket, or the policy names another path.",
		See:   "kubectl get pod --output yaml", Remedy: "Mount the directory of the socket by the EnvoyProxy, as deploy/spire does, or correct agent.socketPath of the policy.",
	}
	RegistrationEntries = Code{
		ID: "EGR704", Name: "RegistrationEntries", Means: "Envoy asks its SPIFFE agent for these identities. Each needs a registration entry.",
		See: "spire-server entry show", Remedy: "Create the entries with the commands that `egraft doctor` prints.",
	}
)

var surroundings = []Code{PatchConflict, AnyIdentity, UpdateRejected, AgentNotMounted, RegistrationEntries}
