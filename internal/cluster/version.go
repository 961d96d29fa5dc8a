package cluster

import "regexp"

var versionTag = regexp.MustCompile(`:(v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*)(@|$)`)

// EnvoyGatewayVersion is the tag of Envoy Gateway's image in the pod, and empty if that is no version.
func (p Pod) EnvoyGatewayVersion() string {
	for _, container := range p.Spec.Containers {
		if m := versionTag.FindStringSubmatch(container.Image); m != nil && container.Name == EnvoyGatewayContainer {
			return m[1]
		}
	}
	return ""
}
