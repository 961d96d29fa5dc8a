package cluster

import "regexp"

var versionTag = regexp.MustCompile(`:(v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*)(@|$)`)

// EnvoyGatewayVersion returns the tag of Envoy Gateway's image in the pod, or an empty string if it
// is not a version.
func (p Pod) EnvoyGatewayVersion() string {
	for _, container := range p.Spec.Containers {
		if m := versionTag.FindStringSubmatch(container.Image); m != nil && container.Name == EnvoyGatewayContainer {
			return m[1]
		}
	}
	return ""
}
