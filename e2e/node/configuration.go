package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pause is the image of a pod's first container.
const pause = "registry.k8s.io/pause:3.10"

// configurations have @DIR@ for the node's directory.
var configurations = map[string]string{
	"containerd.toml": `version = 3
root = "@DIR@/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs"]
[grpc]
  address = "` + containerdS + `"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "` + pause + `"
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = "@DIR@/bin/runc"
        SystemdCgroup = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["@DIR@/bin"]
    conf_dir = "@DIR@/cni"
[plugins.'io.containerd.internal.v1.opt']
  path = "@DIR@/opt"
`,
	"kubelet.yaml": `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /@GROUP@
containerRuntimeEndpoint: unix://` + containerdS + `
clusterDNS: ["` + Address + `"]
clusterDomain: cluster.local
resolvConf: "@DIR@/resolv.conf"
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "@DIR@/pki/ca.crt"}}
authorization: {mode: Webhook}
tlsCertFile: "@DIR@/pki/kubelet-server.crt"
tlsPrivateKeyFile: "@DIR@/pki/kubelet-server.key"
makeIPTablesUtilChains: false
protectKernelDefaults: false
failSwapOn: false
volumePluginDir: "@DIR@/plugins"
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
imageMaximumGCAge: 0s
`,
	"kube-proxy.yaml": `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: ` + Name + `
clusterCIDR: ` + podNetwork + `
clientConnection: {kubeconfig: "@DIR@/pki/kube-proxy.kubeconfig"}
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {syncPeriod: 10s, minSyncPeriod: 100ms}
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
`,
	"Corefile": `cluster.local in-addr.arpa {
  bind ` + Address + `
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig @DIR@/pki/admin.kubeconfig test
    ttl 5
  }
}
. {
  bind ` + Address + `
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`,
	"resolv.conf": "nameserver " + Address + "\n",
	// Every pod has its own link to the node, so that packets to the address of a Service return on
	// the same path, without br_netfilter.
	"cni/10-ptp.conflist": `{"cniVersion": "1.0.0", "name": "ptp", "plugins": [{
  "type": "ptp", "ipMasq": false,
  "ipam": {"type": "host-local", "dataDir": "/var/lib/cni/networks", "ranges": [[{"subnet": "` + podNetwork + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}
}]}
`,
}

// configure writes the configuration of all components.
func (n *Node) configure() error {
	replace := strings.NewReplacer("@DIR@", n.dir, "@GROUP@", n.controlGroup())
	for name, content := range configurations {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(replace.Replace(content)), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
