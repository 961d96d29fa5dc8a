package mutatortest

import (
	"context"
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// testCase is the content of in.yaml.
type testCase struct {
	path    string
	several bool // has calls, even if there is only one
	steps   []step
}

// step is one call of a case.
type step struct {
	call       *engine.Call
	unmodified bool   // as the case says
	at         string // in front of the names of its fields in in.yaml
}

// answered is a step with what became of it.
type answered struct {
	step
	res *engine.Response
}

// sent rejects calls that Envoy Gateway does not make for the feature alone.
func (c *testCase) sent(newFeature func() mutator.Feature) error {
	f := newFeature()
	for _, s := range c.steps {
		if err := sent(&f, s.call); err != nil {
			return fmt.Errorf("%s: %s%w", c.path, s.at, err)
		}
	}
	return nil
}

// answer makes the calls of a case in order, each of a new engine. The calls that it returns
// are complete.
func (c *testCase) answer(ctx context.Context, newFeature func() mutator.Feature) ([]answered, error) {
	var out []answered
	left := leftovers{}
	for i, s := range c.steps {
		fail := func(err error) ([]answered, error) { return nil, fmt.Errorf("%s: %s%w", c.path, s.at, err) }
		if i > 0 {
			call := clone(s.call)
			if err := left.complete(call); err != nil {
				return fail(err)
			}
			s.call = call
		}
		res, err := answer(ctx, newFeature(), s.call)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.path, s.name(), err)
		}
		if err := left.note(res); err != nil {
			return fail(err)
		}
		out = append(out, answered{s, res})
	}
	return out, nil
}

// name is that of a call in messages.
func (s *step) name() string { return s.at + "hook " + string(s.call.Hook) }

// leftovers are the resources that earlier calls of a case returned, by name. The last call to
// return one counts.
type leftovers map[mutator.Kind]map[string][]byte

func (l leftovers) note(res *engine.Response) error {
	for _, list := range res.Resources {
		if l[list.Kind] == nil {
			l[list.Kind] = map[string][]byte{}
		}
		for _, raw := range list.Encoded {
			name, err := nameOf(list.Kind, raw)
			if err != nil {
				return err
			}
			l[list.Kind][name] = raw
		}
	}
	return nil
}

// complete puts what earlier calls returned into a call: a resource, and a route or virtual host
// inside of one, of which only the name is given.
func (l leftovers) complete(call *engine.Call) error {
	for _, list := range call.Resources {
		for i, raw := range list.Encoded {
			m, err := decode(list.Kind, raw)
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
func (l leftovers) fill(k mutator.Kind, m proto.Message) error {
	if name, only := onlyName(m); only {
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

// onlyName returns the name of a message that has one and nothing else.
func onlyName(m proto.Message) (name string, only bool) {
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
