package xdspatch

// Target is what expressions see as target: the Gateway API object that a message was made from. The
// fields are empty for what Envoy Gateway does not say.
type Target struct {
	// Kind, Namespace and Name are those of the object, such as HTTPRoute shop/checkout.
	Kind      string `cel:"kind"`
	Namespace string `cel:"namespace"`
	Name      string `cel:"name"`
	// Section is the name of the rule of a route or of the listener of a Gateway.
	Section string `cel:"section"`
	// Annotations are those of the object that begin with gateway.envoyproxy.io/, without that prefix.
	Annotations map[string]string `cel:"annotations"`
	// Gateway is the one that the message is for.
	Gateway Object `cel:"gateway"`
}

// Object names an object.
type Object struct {
	Namespace string `cel:"namespace"`
	Name      string `cel:"name"`
}
