package mutatortest

import (
	"bytes"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// same compares encoded resources byte by byte.
func same(want, got []engine.Resources) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d kinds of resources became %d", len(want), len(got))
	}
	for i := range want {
		kind := want[i].Kind
		if len(want[i].Encoded) != len(got[i].Encoded) {
			return fmt.Errorf("%d resources of kind %s became %d", len(want[i].Encoded), kind, len(got[i].Encoded))
		}
		for j := range want[i].Encoded {
			if w, g := want[i].Encoded[j], got[i].Encoded[j]; !bytes.Equal(w, g) {
				return fmt.Errorf("%s[%d]%s:\n%s\nbecame\n%s", kind, j, difference(kind, w, g), text(kind, w), text(kind, g))
			}
		}
	}
	return nil
}

func text(k mutator.Kind, raw []byte) string {
	m, err := callfile.Decode(k, raw)
	if err != nil {
		return err.Error()
	}
	return prototext.Format(m)
}

// clone copies a call and all its bytes.
func clone(call *engine.Call) *engine.Call {
	c := *call
	c.Objects = cloneBytes(call.Objects)
	c.Hostnames = slices.Clone(call.Hostnames)
	c.Resources = slices.Clone(call.Resources)
	for i := range c.Resources {
		c.Resources[i].Encoded = cloneBytes(c.Resources[i].Encoded)
	}
	return &c
}

func cloneBytes(in [][]byte) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = bytes.Clone(in[i])
	}
	return out
}

// unmark removes the entries of the Route hook from the route configurations of a call.
func unmark(call *engine.Call) error {
	return forEachConfig(call, func(rc *routev3.RouteConfiguration) {
		for _, vh := range rc.GetVirtualHosts() {
			xds.ReleaseRoutes(vh, mutator.IsReadable)
		}
	})
}

// forEachConfig edits the route configurations of a call.
func forEachConfig(call *engine.Call, edit func(*routev3.RouteConfiguration)) error {
	for _, list := range call.Resources {
		if list.Kind != mutator.KindRouteConfiguration {
			continue
		}
		for i, raw := range list.Encoded {
			rc := &routev3.RouteConfiguration{}
			if err := proto.Unmarshal(raw, rc); err != nil {
				return err
			}
			edit(rc)
			edited, err := proto.MarshalOptions{Deterministic: true}.Marshal(rc)
			if err != nil {
				return err
			}
			list.Encoded[i] = edited
		}
	}
	return nil
}
