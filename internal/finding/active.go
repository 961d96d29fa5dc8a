package finding

// Codes of the fourth stage: whether Envoy has what egraft returned.
var (
	// Active: all is well.
	Active = Code{
		ID: "EGR400", Name: "Active", Means: "All Envoys of the Gateway use what egraft returned.",
		See: "egraft explain KIND/NAMESPACE/NAME",
	}
	// NoEnvoy: the Gateway has none.
	NoEnvoy = Code{
		ID: "EGR401", Name: "NoEnvoy", Means: "No Envoy of the Gateway was found.",
		Cause:  "Envoy Gateway has not created its Deployment, or its pods cannot be scheduled.",
		See:    "kubectl get pods --all-namespaces --selector app.kubernetes.io/component=proxy",
		Remedy: "Look at the condition Programmed of the Gateway, and at the pods' Events.",
	}
	// EnvoyUnreachable: its administration interface.
	EnvoyUnreachable = Code{
		ID: "EGR402", Name: "EnvoyUnreachable", Means: "The administration interface of an Envoy cannot be read.",
		Cause:  "The pod does not run, the administration interface has another port than 19000, or the permission for pods/portforward is missing.",
		See:    "kubectl port-forward POD 19000, and http://127.0.0.1:19000/server_info",
		Remedy: "Do what the message says. For an Envoy outside of Kubernetes, name its address with --envoy-admin.",
	}
	// NotInEnvoy: at the moment.
	NotInEnvoy = Code{
		ID: "EGR403", Name: "NotInEnvoy", Means: "An Envoy does not have a resource that egraft returned.",
		Cause:  "The update is on its way, Envoy Gateway found the translation invalid and keeps the last good one, or Envoy is not connected.",
		See:    "Envoy Gateway's log, with `skipped publishing xds resources`",
		Remedy: "Run the command again after a few seconds. If it stays so, correct what Envoy Gateway's log names.",
	}
	// Differs: in fields.
	Differs = Code{
		ID: "EGR404", Name: "Differs", Means: "An Envoy uses another version of a resource than the one that egraft returned.",
		Cause:  "The update is on its way or waits for one before it, Envoy Gateway keeps the last good configuration, or another extension server or egraft's version on another replica changed the resource.",
		See:    "egraft explain KIND/NAMESPACE/NAME, which names the fields",
		Remedy: "Run the command again after a few seconds. If it stays so, compare egraft's replicas, and look at Envoy Gateway's log and its extensionManagers.",
	}
	// Rejected: a NACK.
	Rejected = Code{
		ID: "EGR405", Name: "Rejected", Means: "Envoy rejected an update, and keeps what it had before.",
		Cause:  "A field has a value that Envoy accepts only from newer releases or not at all, or a resource is invalid that is none of egraft's: Envoy then keeps only this resource as it was.",
		See:    "Envoy's log, and the metric envoy_cluster_manager_cds_update_rejected or envoy_listener_manager_lds_update_rejected",
		Remedy: "Correct what the reason names. `egraft plan --validate-with ENVOY` has an Envoy check a policy before it is applied.",
	}
	// StillWarming: not in use yet.
	StillWarming = Code{
		ID: "EGR406", Name: "StillWarming", Means: "Envoy has the update, and does not use it before what it needs has arrived.",
		Cause:  "A cluster waits for its endpoints or for secrets of an agent; a listener waits for its routes or secrets. Until then Envoy uses the version before.",
		See:    "the metric envoy_cluster_manager_warming_clusters",
		Remedy: "Wait for the timeout (--eds-initial-fetch-timeout). If it stays so, check that the SPIFFE agent's socket is mounted into Envoy's pod, and that it has an entry for it.",
	}
	// StillDraining: connections from before an update.
	StillDraining = Code{
		ID: "EGR407", Name: "StillDraining", Means: "Connections from before an update of a listener are still served as before it.",
		Cause:  "Envoy drains the listener. By default it closes its connections within 10 minutes.",
		See:    "the metric envoy_listener_manager_total_listeners_draining",
		Remedy: "Wait, have clients connect again, or restart Envoy.",
	}
	// EnvoyNotLive: it starts or stops.
	EnvoyNotLive = Code{
		ID: "EGR408", Name: "EnvoyNotLive", Means: "An Envoy does not serve: it starts or it stops.",
		Cause:  "It waits for its first configuration, or its pod ends.",
		See:    "http://127.0.0.1:19000/server_info of its administration interface",
		Remedy: "Run the command again. If it stays in PRE_INITIALIZING or INITIALIZING, look at Envoy Gateway's log.",
	}
	// Disconnected: Envoy keeps what it has.
	Disconnected = Code{
		ID: "EGR409", Name: "Disconnected", Means: "An Envoy is not connected to Envoy Gateway, and gets no updates.",
		Cause:  "Envoy Gateway is not there, a network policy rejects the connection, or their certificates do not match.",
		See:    "the metric envoy_control_plane_connected_state; Envoy's log",
		Remedy: "Make Envoy Gateway reachable at port 18000 for the Envoys.",
	}
)

var active = []Code{
	Active, NoEnvoy, EnvoyUnreachable, NotInEnvoy, Differs, Rejected, StillWarming, StillDraining, EnvoyNotLive, Disconnected,
}
