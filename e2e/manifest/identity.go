package manifest

// TrustDomain is the trust domain of all environments.
const TrustDomain = "example.org"

// EnvoyIdentity is the path of the SPIFFE ID that Envoy is entitled to.
const EnvoyIdentity = "/envoy"

// ID returns the SPIFFE ID with a path in the trust domain.
func ID(path string) string { return "spiffe://" + TrustDomain + path }
