package callfile

import (
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// Returned are the resources that earlier calls of a case returned, by name. The last call to
// return one counts.
type Returned map[mutator.Kind]map[string][]byte

// Note takes in what a call returned.
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

// Complete puts what earlier calls returned into a call: a resource, and a route or virtual host
// inside of one, of which only the name is given.
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

// fill completes a message. An error begins with the path of a field of it.
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

// OnlyName returns the name of a message that has one and nothing else.
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
