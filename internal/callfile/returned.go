package callfile

import (
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// Returned are the resources that earlier calls of a case returned, by name. A later version
// replaces an earlier one.
type Returned map[mutator.Kind]map[string][]byte

// Note records what a call returned.
func (l Returned) Note(res *engine.Response) error {
	for _, list := range res.Resources {
		if l[list.Kind] == nil {
			l[list.Kind] = map[string][]byte{}
		}
		for _, raw := range list.Encoded {
			name, err := NameOf(list.Kind, raw)
			if err != nil {
				return err
			}
			l[list.Kind][name] = raw
		}
	}
	return nil
}

// Complete inserts what earlier calls returned into a call: in place of a resource, or of a route
// or virtual host inside one, that has only a name.
func (l Returned) Complete(call *engine.Call) error {
	for _, list := range call.Resources {
		for i, raw := range list.Encoded {
			m, err := Decode(list.Kind, raw)
			if err != nil {
				return err
			}
			if err := l.fill(list.Kind, m); err != nil {
				return fmt.Errorf("resources.%s[%d]%w", list.Kind, i, err)
			}
			if list.Encoded[i], err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill completes a message. Errors begin with the path of the field.
func (l Returned) fill(k mutator.Kind, m proto.Message) error {
	if name, only := OnlyName(m); only {
		raw, found := l[k][name]
		if !found {
			return fmt.Errorf(": has only the name %q and stands for a %s that an earlier call returned, but none did: correct the name, or write the resource out", name, k)
		}
		return proto.Unmarshal(raw, m)
	}
	switch m := m.(type) {
	case *routev3.RouteConfiguration:
		for i, vh := range m.GetVirtualHosts() {
			if err := l.fill(mutator.KindVirtualHost, vh); err != nil {
				return fmt.Errorf(".virtualHosts[%d]%w", i, err)
			}
		}
	case *routev3.VirtualHost:
		for i, r := range m.GetRoutes() {
			if err := l.fill(mutator.KindRoute, r); err != nil {
				return fmt.Errorf(".routes[%d]%w", i, err)
			}
		}
	}
	return nil
}

// OnlyName returns the name of a message, and whether the message has no other field.
func OnlyName(m proto.Message) (name string, only bool) {
	fields := 0
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		fields++
		if f.Name() == "name" || f.Name() == "cluster_name" {
			name, only = v.String(), true
		}
		return true
	})
	return name, only && fields == 1 && len(m.ProtoReflect().GetUnknown()) == 0
}
