package doctor

// namespace returns the namespace of Envoy Gateway's pods, empty without a cluster.
func (f *Facts) namespace() string {
	if len(f.Sidecars.Value) == 0 {
		return ""
	}
	return namespaceOf(f.Sidecars.Value[0].Pod)
}

// logWith returns the command that finds lines with a word in Envoy Gateway's log.
func (f *Facts) logWith(word string) string {
	if n := f.namespace(); n != "" {
		return "\n$ kubectl logs --namespace " + shell(n) + " deployment/envoy-gateway --container envoy-gateway | grep " + word
	}
	return "\nSee the lines with " + word + " in Envoy Gateway's log."
}

// restart returns the command that restarts Envoy Gateway.
func (f *Facts) restart() string {
	if n := f.namespace(); n != "" {
		return "\n$ kubectl rollout restart --namespace " + shell(n) + " deployment/envoy-gateway"
	}
	return ""
}
