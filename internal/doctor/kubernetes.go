package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
)

func kubernetesChecks() []Check {
	const g = GroupKubernetes
	return []Check{
		{finding.SidecarMissing, g, "each pod of Envoy Gateway has a ready egraft", sidecars},
		{finding.SocketNotShared, g, "Envoy Gateway and egraft share the directory of the socket", sharedSocket},
		{finding.CRDMissing, g, "the CRDs of the features are installed", crdsInstalled},
		{finding.CRDOutdated, g, "the CRDs match the running egraft", crdsCurrent},
		{finding.GatewayPermissions, g, "Envoy Gateway may read the custom resources", permissions(OfEnvoyGateway, Failed)},
		{finding.EgraftPermissions, g, "egraft may write outcomes of policies", permissions(OfEgraft, Warning)},
	}
}

// noCluster returns the reason why checks of Kubernetes are skipped.
func noCluster(why string) verdict {
	if why == "" {
		why = "no cluster was queried"
	}
	return skipped(why)
}

// beside reports whether egraft is a sidecar: at least one pod of Envoy Gateway contains one.
func (f *Facts) beside() bool {
	return slices.ContainsFunc(f.Sidecars.Value, func(s Sidecar) bool { return s.Present })
}

func sidecars(f *Facts) (v verdict) {
	switch {
	case !f.Sidecars.Known:
		return noCluster(f.Sidecars.Why)
	case !f.beside():
		return skipped("no pod of Envoy Gateway has a container egraft")
	}
	for _, s := range f.Sidecars.Value {
		see := "$ kubectl logs --namespace " + shell(namespaceOf(s.Pod)) + " " + shell(nameOf(s.Pod)) + " --container egraft"
		switch {
		case !s.Present:
			v.problems = append(v.problems, failed("pod "+s.Pod+" has no container egraft", "Check whether a rollout is in progress:\n$ kubectl rollout status --namespace "+shell(namespaceOf(s.Pod))+" deployment/envoy-gateway"))
		case !s.Ready:
			v.problems = append(v.problems, failed("egraft in pod "+s.Pod+" is not ready", "See why:\n"+see))
		}
	}
	return v
}

func namespaceOf(pod string) string { namespace, _, _ := strings.Cut(pod, "/"); return namespace }
func nameOf(pod string) string      { _, name, _ := strings.Cut(pod, "/"); return name }

// sharedSocket compares the directories by volume, because the mount paths may differ.
func sharedSocket(f *Facts) verdict {
	switch {
	case !f.Sidecars.Known:
		return noCluster(f.Sidecars.Why)
	case !f.beside() || f.socket() == "":
		return skipped("egraft is not a sidecar with a socket")
	}
	return onManager(func(m *manager) (out []Problem) {
		for _, s := range f.Sidecars.Value {
			if !s.Present || m.Socket() == "" {
				continue
			}
			theirs, ours := file(s.Gateway, m.Socket()), file(s.Egraft, f.socket())
			const remedy = "Mount one volume into both containers at the directory of the socket, as deploy/component/sidecar.yaml does."
			switch {
			case theirs == "":
				out = append(out, failed(fmt.Sprintf("pod %s: the container envoy-gateway mounts no volume for %s", s.Pod, m.Socket()), remedy))
			case ours == "":
				out = append(out, failed(fmt.Sprintf("pod %s: the container egraft mounts no volume for %s", s.Pod, f.socket()), remedy))
			case theirs != ours:
				out = append(out, failed(fmt.Sprintf("pod %s: the socket is %s for envoy-gateway and %s for egraft", s.Pod, theirs, ours), remedy))
			}
		}
		return out
	})(f)
}

const applyCRDs = "Apply the CRDs of the running release, and restart Envoy Gateway:\n$ kubectl apply --server-side -k crds\n$ kubectl rollout restart --namespace envoy-gateway-system deployment/envoy-gateway"

func crdsInstalled(f *Facts) (v verdict) {
	if !f.CRDs.Known {
		return noCluster(f.CRDs.Why)
	}
	for _, k := range f.CRDs.Value.Missing {
		v.problems = append(v.problems, failed("the API server does not serve "+k.String(), applyCRDs))
	}
	return v
}

const leaveCRDs = "After a rollback of egraft, keep the newer CRDs: older ones would drop fields of stored objects. Policies with such a field are invalid until you upgrade egraft again or remove the field. See docs/upgrade.md."

// crdsCurrent compares the CRDs with those of the running egraft. It does not check other CRDs.
func crdsCurrent(f *Facts) (v verdict) {
	switch {
	case !f.CRDs.Known:
		return noCluster(f.CRDs.Why)
	case len(f.egrafts()) == 0:
		return skipped("no egraft responds")
	}
	have, version := f.CRDs.Value.Schemas, f.egrafts()[0].Version
	for name, hash := range f.egrafts()[0].Schemas {
		switch {
		case have[name] == "" || have[name] == hash:
		case f.CRDs.Value.Extends[name] == hash:
			v.problems = append(v.problems, warning(name+" has fields that egraft "+version+" does not know", leaveCRDs))
		default:
			v.problems = append(v.problems, failed(name+" does not match the CRD of egraft "+version, applyCRDs))
		}
	}
	slices.SortFunc(v.problems, func(a, b Problem) int { return strings.Compare(a.Message, b.Message) })
	return v
}

// permissions returns a problem for each account, resource and namespace with missing permissions.
func permissions(whose Owner, status Status) func(*Facts) verdict {
	return func(f *Facts) (v verdict) {
		if !f.Permissions.Known {
			return noCluster(f.Permissions.Why)
		}
		missing := map[Permission][]string{}
		for _, p := range f.Permissions.Value {
			if p.Whose == whose && !p.Allowed {
				of := Permission{Account: p.Account, Resource: p.Resource, Namespace: p.Namespace}
				missing[of] = append(missing[of], p.Verb)
			}
		}
		order := func(a, b Permission) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
		for _, of := range slices.SortedFunc(maps.Keys(missing), order) {
			where := ""
			if of.Namespace != "" {
				where = " in namespace " + of.Namespace
			}
			v.problems = append(v.problems, Problem{
				status, fmt.Sprintf("%s has no permission to %s %s%s", of.Account, strings.Join(missing[of], ", "), of.Resource, where),
				"Set its namespace and ServiceAccount in deploy/rbac, and apply the roles:\n$ kubectl apply -k deploy/rbac",
			})
		}
		return v
	}
}
