#!/usr/bin/env bash
# Makes a node image for kind as a root file system in one tarball, DIR/node.tar, unless a tarball
# of the same parts exists: e2e/kindnode/image.sh DIR, as root on Debian.
#
# It follows images/base/Dockerfile and pkg/build/nodeimage of kind's Go module, and takes their
# files from the module cache. It includes the images that a cluster would pull.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dir=$(mkdir -p "$1/bin" && cd "$1" && pwd)
bin=$dir/bin root=$dir/root
step() { printf 'kindnode: %4ds %s\n' "$SECONDS" "$*" >&2; }

# The Debian release is that of this machine: systemd after 257 has no control groups of version 1.
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
parts=$(go run ./e2e/cmd/parts kind)
key=$({
	echo "$parts$suite"
	cat "${BASH_SOURCE[0]}" e2e/cmd/offline/*.go e2e/cmd/pause/*.go e2e/cluster/*.go hack/tools/image/*.go hack/tools/kind/go.sum
} | sha256sum | cut -c1-20)
while read -r name path; do ln -sfn "$path" "$bin/$name"; done <<<"$parts"
go build -o "$dir/offline" ./e2e/cmd/offline
if [ -e "$dir/node.tar" ] && [ "$(cat "$dir/node.key" 2>/dev/null)" = "$key" ]; then exit 0; fi
step "making the node image, once (about 3 minutes on two cores)"
go -C hack/tools/kind mod download sigs.k8s.io/kind
files=$(go -C hack/tools/kind list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files
version=$("$bin/kubeadm" version -o short)

# 1. Debian. debootstrap's result is kept, since this step takes longest.
packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,e2fsprogs,bash,ca-certificates,curl,jq,procps
if [ ! -e "$dir/debian-$suite.tar" ]; then
	rm -rf "$dir/debian"
	debootstrap --variant=minbase --include="$packages" "$suite" "$dir/debian" >"$dir/debootstrap.log"
	tar -C "$dir/debian" --numeric-owner -cf "$dir/debian-$suite.tar.part" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists \
		--exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale .
	mv "$dir/debian-$suite.tar.part" "$dir/debian-$suite.tar"
	rm -rf "$dir/debian"
	step debootstrap
fi
rm -rf "$root" && mkdir "$root"
tar -C "$root" --numeric-owner -xpf "$dir/debian-$suite.tar"

# 2. kind's files, with the modes that its Dockerfile gives them, and its changes to systemd.
cp -r "$files/." "$root/"
chmod -R u=rwX,go=rX "$root/kind" "$root/etc/containerd" "$root/etc/systemd/system" "$root/etc/sysctl.d" "$root/etc/crictl.yaml" "$root/etc/default/kubelet"
chmod 755 "$root"/usr/local/bin/* "$root"/kind/bin/*
rm -f "$root"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
	"$root"/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* "$root"/etc/systemd/system/*.wants/* \
	"$root"/lib/systemd/system/sockets.target.wants/*{udev,initctl}*
echo ReadKMsg=no >>"$root/etc/systemd/journald.conf"
ln -sfn /usr/lib/systemd/systemd "$root/sbin/init"
chroot "$root" systemctl enable kubelet.service containerd.service undo-mount-hacks.service
chroot "$root" systemctl mask systemd-binfmt.service
mkdir -p "$root/etc/kubernetes/manifests" "$root/kind/manifests" "$root/etc/cni/net.d" "$root/opt/cni/bin"

# 3. The programs, and the files that kind writes with them.
install "$bin"/{containerd,containerd-shim-runc-v2,ctr,crictl} "$root/usr/local/bin"
install "$bin/runc" "$root/usr/local/sbin"
install "$bin"/{kubeadm,kubelet,kubectl} "$root/usr/bin"
install "$bin"/{ptp,host-local,loopback,portmap} "$root/opt/cni/bin"
printf %s "$version" >"$root/kind/version"
chroot "$root" sh -c 'ctr oci spec |
	jq ".hooks.createContainer += [{path: \"/kind/bin/mount-product-files.sh\"}] | del(.process.rlimits)" >/etc/containerd/cri-base.json'

# Without CAP_SYS_RESOURCE, as on some machines, the OOM score of a process cannot be lowered.
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$root/etc/containerd/config.toml"

# 4. Replacements for kindnet and the storage provisioner, whose images are not available: the
# network of a single node is a file, and the manifests that kind applies contain almost nothing.
cat >"$root/etc/cni/net.d/10-ptp.conflist" <<'EOF'
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": true, "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state",
    "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "10.244.0.0/24"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
EOF
cat >"$root/kind/manifests/default-cni.yaml" <<'EOF'
{apiVersion: v1, kind: ConfigMap, metadata: {name: network-of-this-image, namespace: kube-system}}
EOF
cat >"$root/kind/manifests/default-storage.yaml" <<'EOF'
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: standard}, provisioner: kubernetes.io/no-provisioner}
EOF

# 5. kubelet accepts version 1 of control groups only with a flag, and sets three sysctls of the
# whole machine: files of the node replace these.
cat >"$root/etc/systemd/system/kubelet.service.d/20-image.conf" <<'EOF'
[Service]
ExecStartPre=/kind/bin/own-sysctls.sh
Environment=KUBELET_KUBECONFIG_ARGS="--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --fail-cgroupv1=false"
EOF
cat >"$root/kind/bin/own-sysctls.sh" <<'EOF'
#!/bin/sh -eu
mkdir -p /kind/sysctl
for s in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
	file=/kind/sysctl/$(basename "${s%=*}")
	mountpoint -q "/proc/sys/${s%=*}" && continue
	echo "${s#*=}" >"$file"
	mount --bind "$file" "/proc/sys/${s%=*}"
done
EOF
chmod 755 "$root/kind/bin/own-sysctls.sh"
step "root file system: $(du -sh "$root" | cut -f1)"

# 6. Images: Kubernetes' own, and those of docs/install.md as in the tests on a node.
images=$dir/images
rm -rf "$images" "$dir/stage" && mkdir "$images" "$dir/stage"
go -C hack/tools/image build -o "$dir/pack" .
# pack REFERENCE ENTRYPOINT FILE... makes an image of programs, at the paths that follow "=".
pack() {
	local reference=$1 entrypoint=$2 stage file
	shift 2
	stage=$(mktemp -d "$dir/stage/XXXX")
	mkdir -m 1777 "$stage/tmp"
	for file in "$@"; do install -D "${file%=*}" "$stage/${file#*=}"; done
	[ "${entrypoint##*/}" != kube-proxy ] || firewall "$stage"
	"$dir/pack" --output "$images/$(tr /: - <<<"$reference").tar" --reference "$reference" --entrypoint "$entrypoint" --user 0:0 --gzip 1 \
		"linux/$(go env GOARCH)=$stage" >/dev/null
}
# firewall adds Debian's programs that kube-proxy runs, with their libraries.
firewall() {
	local path program lib
	lib=/usr/lib/$(uname -m)-linux-gnu
	mkdir -p "$1$lib"
	cp -r "$root$lib/xtables" "$1$lib/"
	for path in xtables-nft-multi nft conntrack; do install -D "$root/usr/sbin/$path" "$1/usr/sbin/$path"; done
	chroot "$root" sh -c "ldd /usr/sbin/xtables-nft-multi /usr/sbin/nft /usr/sbin/conntrack $lib/xtables/*.so" |
		grep -oE '/lib[^ ]+ \(' | sort -u | while read -r path _; do install -D "$root$path" "$1$path"; done
	for program in iptables ip6tables; do
		for path in $program $program-save $program-restore; do ln -s xtables-nft-multi "$1/usr/sbin/$path"; done
	done
}
"$bin/kubeadm" config images list --kubernetes-version "$version" 2>/dev/null | while read -r reference; do
	name=${reference%:*} name=${name##*/}
	case $name in
	pause) ;; # kind's containerd uses another version, see below
	coredns) pack "$reference" /coredns "$bin/coredns=coredns" ;;
	*) pack "$reference" "/usr/local/bin/$name" "$bin/$name=usr/local/bin/$name" ;;
	esac
done
CGO_ENABLED=0 go build -o "$dir/pause" ./e2e/cmd/pause
pack "$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$files/etc/containerd/config.toml")" /pause "$dir/pause=pause"
"$dir/offline" images "$dir"
step "images: $(du -sh "$images" | cut -f1)"

# 7. containerd in the image unpacks them into the image.
cat >"$dir/import.sh" <<'EOF'
set -euo pipefail
root=$1 images=$2 envoy=$3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind /dev "$root/dev"
mkdir "$root/run/images"
mount --bind "$images" "$root/run/images"
chroot "$root" containerd --log-level warn &
ctr() { chroot "$root" ctr --namespace k8s.io "$@"; }
until ctr version >/dev/null 2>&1; do sleep 0.1; done
for archive in "$images"/*.tar; do
	ctr images import --label io.cri-containerd.pinned=pinned "/run/images/${archive##*/}" >/dev/null
done
ctr images tag $envoy # the reference that Kubernetes uses
ctr images list -q
kill %1
wait %1 || true
EOF
unshare --mount --pid --net --fork bash "$dir/import.sh" "$root" "$images" "$(cat "$images/references")"
rm -rf "$root"/var/lib/containerd/tmpmounts/* "$root"/var/log/*.log "$root"/var/log/*/*
step "with images: $(du -sh "$root" | cut -f1)"

tar -C "$root" --numeric-owner -cf "$dir/node.tar.part" .
mv "$dir/node.tar.part" "$dir/node.tar"
echo "$key" >"$dir/node.key"
rm -rf "$root" "$dir/stage" "$images"/*.tar
step "$(du -h "$dir/node.tar")"
