package finding

// Codes of the fourth stage: whether Envoy uses what egraft returned.
var (
	// Active: all is well.
	Active = Code{
		ID: "EGR400", Name: "Active", Means: "All Envoys of the Gateway use what egraft returned.",
		See: "egraft explain KIND/NAMESPACE/NAME",
	}
	// NoEnvoy: the Gateway has no Envoy.
	NoEnvoy = Code{
		ID: "EGR401", Name: "NoEnvoy", Means: "No Envoy of the Gateway was found.",
		Cause:  "Envoy Gateway has not created its Deployment, or its pods cannot be scheduled.",
		See:    "kubectl get pods --all-namespaces --selector app.kubernetes.io/component=proxy",
		Remedy: "Check the condition Programmed of the Gateway, and the Events of the pods.",
	}
	// EnvoyUnreachable: its administration interface cannot be read.
	EnvoyUnreachable = Code{
		ID: "EGR402", Name: "EnvoyUnreachable", Means: "The administration interface of an Envoy cannot be read.",
		Cause:  "The pod is not running, the administration interface does not use port 19000, or the permission for pods/portforward is missing.",
		See:    "kubectl port-forward POD 19000, and http://127.0.0.1:19000/server_info",
		Remedy: "Follow the message. For an Envoy outside of Kubernetes, pass its address with --envoy-admin.",
	}
	// NotInEnvoy: Envoy lacks a resource, at least for now.
	NotInEnvoy = Code{
		ID: "EGR403", Name: "NotInEnvoy", Means: "An Envoy does not have a resource that egraft returned.",
		Cause:  "The update has not arrived yet, Envoy Gateway found the translation invalid and keeps the last valid one, or Envoy is not connected.",
		See:    "Envoy Gateway's log, with `skipped publishing xds resources`",
		Remedy: "Run the command again after a few seconds. If the finding persists, correct the problem that Envoy Gateway's log names.",
	}
	// Differs: Envoy has the resource with other fields.
	Differs = Code{
		ID: "EGR404", Name: "Differs", Means: "An Envoy uses a different version of a resource than the one that egraft returned.",
		Cause:  "The update has not arrived yet or waits for an earlier one, Envoy Gateway keeps the last valid configuration, or another extension server or another replica of egraft changed the resource.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which shows the fields",
		Remedy: "Run the command again after a few seconds. If the finding persists, compare the replicas of egraft, and check Envoy Gateway's log and its extensionManagers.",
	}
	// Rejected: a NACK.
	Rejected = Code{
		ID: "EGR405", Name: "Rejected", Means: "Envoy rejected an update, and keeps the previous version.",
		Cause:  "A field has a value that this release of Envoy, or any release, does not accept; or a resource that egraft did not change is invalid. Envoy keeps only the previous version of that resource.",
		See:    "Envoy's log, and the metric envoy_cluster_manager_cds_update_rejected or envoy_listener_manager_lds_update_rejected",
		Remedy: "Correct the problem that the reason names. To check a policy with Envoy before you apply it, use `egraft plan --validate-with ENVOY`.",
	}
	// StillWarming: Envoy has the update but does not use it yet.
	StillWarming = Code{
		ID: "EGR406", Name: "StillWarming", Means: "Envoy has the update, but does not use it yet, because resources that it needs are missing.",
		Cause:  "A cluster waits for its endpoints or for secrets from an agent; a listener waits for its routes or secrets. Until they arrive, Envoy uses the previous version.",
		See:    "the metric envoy_cluster_manager_warming_clusters",
		Remedy: "Wait for the timeout (--eds-initial-fetch-timeout). If the finding persists, check that the socket of the SPIFFE agent is mounted in Envoy's pod, and that the agent has a registration entry for Envoy.",
	}
	// StillDraining: older connections use the previous version.
	StillDraining = Code{
		ID: "EGR407", Name: "StillDraining", Means: "Connections that are older than an update of a listener still use its previous version.",
		Cause:  "Envoy drains the listener. By default, it closes the listener's connections within 10 minutes.",
		See:    "the metric envoy_listener_manager_total_listeners_draining",
		Remedy: "Wait, let clients reconnect, or restart Envoy.",
	}
	// EnvoyNotLive: Envoy is starting or stopping.
	EnvoyNotLive = Code{
		ID: "EGR408", Name: "EnvoyNotLive", Means: "An Envoy does not serve, because it is starting or stopping.",
		Cause:  "It waits for its first configuration, or its pod is terminating.",
		See:    "http://127.0.0.1:19000/server_info of its administration interface",
		Remedy: "Run the command again. If Envoy stays in PRE_INITIALIZING or INITIALIZING, check Envoy Gateway's log.",
	}
	// Disconnected: Envoy gets no updates.
	Disconnected = Code{
		ID: "EGR409", Name: "Disconnected", Means: "An Envoy is not connected to Envoy Gateway, and gets no updates.",
		Cause:  "Envoy Gateway is not running, a network policy rejects the connection, or the certificates do not match.",
		See:    "the metric envoy_control_plane_connected_state; Envoy's log",
		Remedy: "Make sure that the Envoys can reach Envoy Gateway at port 18000.",
	}
)

var active = []Code{
	Active, NoEnvoy, EnvoyUnreachable, NotInEnvoy, Differs, Rejected, StillWarming, StillDraining, EnvoyNotLive, Disconnected,
}
