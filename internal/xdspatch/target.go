package xdspatch

// Target is the variable target in expressions: the Gateway API object from which a message was
// generated. Fields that Envoy Gateway does not provide are empty.
type Target struct {
	// Kind, Namespace and Name identify the object, such as HTTPRoute shop/checkout.
	Kind      string `cel:"kind"`
	Namespace string `cel:"namespace"`
	Name      string `cel:"name"`
	// Section is the name of the rule of a route or of the listener of a Gateway.
	Section string `cel:"section"`
	// Annotations are the object's annotations that begin with gateway.envoyproxy.io/, without that prefix.
	Annotations map[string]string `cel:"annotations"`
	// Gateway is the Gateway that the message belongs to.
	Gateway Object `cel:"gateway"`
}

// Object names an object.
type Object struct {
	Namespace string `cel:"namespace"`
	Name      string `cel:"name"`
}
