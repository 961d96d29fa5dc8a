package policy

import "k8s.io/apimachinery/pkg/runtime/schema"

// ID identifies a custom resource. Objects that are decoded in a later hook are different objects
// with the same ID.
type ID struct {
	schema.GroupVersionKind
	Namespace, Name string
}

// ID returns the identity of the object.
func (o *Object) ID() ID { return ID{o.GroupVersionKind, o.Namespace, o.Name} }

// String is "Kind.version.group namespace/name".
func (i ID) String() string {
	return i.Kind + "." + i.Version + "." + i.Group + " " + i.Namespace + "/" + i.Name
}
