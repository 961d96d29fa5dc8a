package cases

import (
	"bytes"
	"encoding/json"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// narrow returns a call as Envoy Gateway would make it for this feature alone, nil if it would not.
func (m *Maker) narrow(c *engine.Call) *engine.Call {
	if !m.Feature.Uses(c.Hook) {
		return nil
	}
	out := &engine.Call{Hook: c.Hook}
	if c.Hook == mutator.HookRoute {
		out.Hostnames = slices.Clone(c.Hostnames)
	}
	for _, o := range c.Objects {
		if m.sends(c.Hook, o) {
			out.Objects = append(out.Objects, readable(o))
		}
	}
	for _, list := range c.Resources {
		if m.Feature.Receives(c.Hook, list.Kind) && len(list.Encoded) > 0 {
			out.Resources = append(out.Resources, engine.Resources{Kind: list.Kind, Encoded: cloneBytes(list.Encoded)})
		}
	}
	if len(out.Resources) == 0 {
		return nil
	}
	return out
}

// sends reports whether Envoy Gateway sends a custom resource to the feature.
func (m *Maker) sends(h mutator.Hook, raw []byte) bool {
	var o metav1.TypeMeta
	return json.Unmarshal(raw, &o) == nil &&
		slices.ContainsFunc(m.Feature.ObjectsIn(h), func(k policy.Kind) bool { return k.GroupVersionKind == o.GroupVersionKind() })
}

// lastApplied is the annotation in which kubectl repeats the custom resource.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// readable removes the parts of a custom resource that no feature and no person reads.
func readable(raw []byte) []byte {
	var o map[string]any
	if json.Unmarshal(raw, &o) != nil {
		return raw
	}
	metadata, _ := o["metadata"].(map[string]any)
	delete(metadata, "managedFields")
	annotations, _ := metadata["annotations"].(map[string]any)
	delete(annotations, lastApplied)
	if out, err := json.Marshal(o); err == nil {
		return out
	}
	return raw
}

// abridge reduces resources that earlier calls of the case returned to their names, and removes
// egraft's metadata from other routes, because the case has no other features.
func abridge(call *engine.Call, done callfile.Returned) error {
	for i, list := range call.Resources {
		kept := list.Encoded[:0]
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			if err != nil {
				return err
			}
			if _, empty := callfile.OnlyName(m); empty && call.Hook == mutator.HookTranslation {
				continue // it would refer to a resource that no call returned
			}
			name, err := callfile.NameOf(list.Kind, raw)
			if err != nil {
				return err
			}
			if call.Hook == mutator.HookTranslation && done[list.Kind][name] != nil {
				m = nameAlone(list.Kind, name)
			}
			abridgeRoutes(m, done)
			if raw, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
				return err
			}
			kept = append(kept, raw)
		}
		call.Resources[i].Encoded = kept
	}
	return nil
}

// nameAlone returns a resource that has only a name.
func nameAlone(k mutator.Kind, name string) callfile.Message {
	m, err := callfile.NewMessage(k)
	if err != nil {
		return nil // cannot happen: a resource of this kind was decoded
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	f := fields.ByName("name")
	if f == nil {
		f = fields.ByName("cluster_name")
	}
	m.ProtoReflect().Set(f, protoreflect.ValueOfString(name))
	return m
}

func abridgeRoutes(m proto.Message, done callfile.Returned) {
	switch m := m.(type) {
	case *routev3.RouteConfiguration:
		for i, vh := range m.GetVirtualHosts() {
			if done[mutator.KindVirtualHost][vh.GetName()] != nil {
				m.VirtualHosts[i] = &routev3.VirtualHost{Name: vh.GetName()}
				continue
			}
			abridgeRoutes(vh, done)
		}
	case *routev3.VirtualHost:
		xds.ReleaseRoutes(m, mutator.IsReadable)
		for i, r := range m.GetRoutes() {
			if done[mutator.KindRoute][r.GetName()] != nil {
				m.Routes[i] = &routev3.Route{Name: r.GetName()}
			}
		}
	}
}

func clone(c *engine.Call) *engine.Call {
	out := *c
	out.Resources = slices.Clone(c.Resources)
	for i := range out.Resources {
		out.Resources[i].Encoded = cloneBytes(out.Resources[i].Encoded)
	}
	return &out
}

func cloneBytes(in [][]byte) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = bytes.Clone(in[i])
	}
	return out
}
