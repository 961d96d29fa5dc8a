package doctor

// namespace is that of Envoy Gateway's pods, empty without a cluster.
func (f *Facts) namespace() string {
	if len(f.Sidecars.Value) == 0 {
		return ""
	}
	return namespaceOf(f.Sidecars.Value[0].Pod)
}

// logWith says how to find lines of Envoy Gateway's log with a word.
func (f *Facts) logWith(word string) string {
	if n := f.namespace(); n != "" {
		return "\n$ kubectl logs --namespace " + shell(n) + " deployment/envoy-gateway --container envoy-gateway | grep " + word
	}
	return "\nSee the lines with " + word + " in Envoy Gateway's log."
}

// restart says how to restart Envoy Gateway.
func (f *Facts) restart() string {
	if n := f.namespace(); n != "" {
		return "\n$ kubectl rollout restart --namespace " + shell(n) + " deployment/envoy-gateway"
	}
	return ""
}
