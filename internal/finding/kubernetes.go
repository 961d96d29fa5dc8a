package finding

// Codes of what is wrong in Kubernetes.
var (
	SidecarMissing = Code{
		ID: "EGR600", Name: "SidecarMissing", Means: "A pod of Envoy Gateway has no egraft that is ready. Its Envoy Gateway waits for the socket and configures no Envoy.",
		Cause: "An update is in progress, or Envoy Gateway's Deployment was written without egraft.",
		See:   "kubectl get pods --namespace envoy-gateway-system", Remedy: "Install egraft as docs/install.md says, and see the log of the container egraft.",
	}
	SocketNotShared = Code{
		ID: "EGR601", Name: "SocketNotShared", Means: "The containers of Envoy Gateway and egraft do not have the directory of the socket in common.",
		See: "kubectl get deployment envoy-gateway --output yaml", Remedy: "Mount one volume into both containers, at the directory of the socket.",
	}
	CRDMissing = Code{
		ID: "EGR602", Name: "CRDMissing", Means: "The API server does not serve a kind of custom resource that Envoy Gateway is to read. Envoy Gateway then reconciles nothing at all, although its pod is ready.",
		See: "kubectl get crds", Remedy: "Install the CRDs, and restart Envoy Gateway.",
	}
	CRDOutdated = Code{
		ID: "EGR603", Name: "CRDOutdated", Means: "A CRD is not that of the running egraft. The API server drops fields that it does not know, and does not check rules that it does not have.",
		Cause: "egraft was updated without its CRDs.",
		See:   "kubectl diff --server-side -k crds", Remedy: "Apply the CRDs of the release that runs.",
	}
	GatewayPermissions = Code{
		ID: "EGR604", Name: "GatewayPermissions", Means: "Envoy Gateway may not read custom resources of egraft. It then reconciles nothing, for any Gateway.",
		See: "kubectl auth can-i list backendmtlspolicies.egraft.io --as ACCOUNT", Remedy: "Apply deploy/rbac, with the namespace and name of Envoy Gateway's ServiceAccount.",
	}
	EgraftPermissions = Code{
		ID: "EGR605", Name: "EgraftPermissions", Means: "egraft may not write outcomes of policies: there are no Events or conditions of it. Policies are in effect even so.",
		See: "kubectl auth can-i create events.events.k8s.io --as ACCOUNT", Remedy: "Apply deploy/rbac, with the namespace and name of egraft's ServiceAccount.",
	}
)

var kubernetes = []Code{SidecarMissing, SocketNotShared, CRDMissing, CRDOutdated, GatewayPermissions, EgraftPermissions}
