package finding

// Codes of problems in Kubernetes.
var (
	SidecarMissing = Code{
		ID: "EGR600", Name: "SidecarMissing", Means: "A pod of Envoy Gateway has no ready egraft. Its Envoy Gateway waits for the socket, and configures no Envoy.",
		Cause: "A rollout is in progress, or Envoy Gateway's Deployment was replaced by one without egraft.",
		See:   "kubectl get pods --namespace envoy-gateway-system", Remedy: "Install egraft as docs/install.md describes, and check the log of the container egraft.",
	}
	SocketNotShared = Code{
		ID: "EGR601", Name: "SocketNotShared", Means: "The containers of Envoy Gateway and egraft do not share the directory of the socket.",
		See: "kubectl get deployment envoy-gateway --output yaml", Remedy: "Mount one volume into both containers, at the directory of the socket.",
	}
	CRDMissing = Code{
		ID: "EGR602", Name: "CRDMissing", Means: "The API server does not serve a kind of custom resource for which Envoy Gateway is configured. Envoy Gateway then reconciles nothing at all, although its pod is ready.",
		See: "kubectl get crds", Remedy: "Install the CRDs, and restart Envoy Gateway.",
	}
	CRDOutdated = Code{
		ID: "EGR603", Name: "CRDOutdated", Means: "A CRD does not match the running egraft. The API server drops fields that the installed CRD lacks, and does not enforce its missing rules.",
		Cause: "egraft was upgraded or rolled back without its CRDs.",
		See:   "kubectl diff --server-side -k crds", Remedy: "Apply the CRDs of the running release. After a rollback, keep the newer CRDs: older ones would drop fields of stored objects.",
	}
	GatewayPermissions = Code{
		ID: "EGR604", Name: "GatewayPermissions", Means: "Envoy Gateway has no permission to read egraft's custom resources. It then reconciles nothing, for any Gateway.",
		See: "kubectl auth can-i list backendmtlspolicies.egraft.io --as ACCOUNT", Remedy: "Apply deploy/rbac, with the namespace and name of Envoy Gateway's ServiceAccount.",
	}
	EgraftPermissions = Code{
		ID: "EGR605", Name: "EgraftPermissions", Means: "egraft has no permission to write policy outcomes, so there are no Events or conditions. Policies take effect nevertheless.",
		See: "kubectl auth can-i create events.events.k8s.io --as ACCOUNT", Remedy: "Apply deploy/rbac, with the namespace and name of egraft's ServiceAccount.",
	}
)

var kubernetes = []Code{SidecarMissing, SocketNotShared, CRDMissing, CRDOutdated, GatewayPermissions, EgraftPermissions}
