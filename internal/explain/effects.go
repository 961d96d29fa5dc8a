package explain

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// change is an effect whose resources are only compared when needed.
type change struct {
	Change
	effect *engine.Effect
	result *diff.Result // nil until compared
	empty  bool         // it changes nothing in Envoy's configuration
}

// addEffect records an effect of a feature. Unmodified resources are omitted.
func (e *examination) addEffect(c *recording.Call, gateway string, effect *engine.Effect, outcomes map[identity]mutator.Reason) {
	if effect.Err == nil && !effect.Changed() {
		return
	}
	out := newChange(c.Hook, gateway, effect)
	for _, p := range effect.Policies {
		out.Policies = append(out.Policies, p.String())
		id := identityOf(p)
		s := e.of(id)
		if effect.Err != nil || !out.releases() && (!effect.Uncertain || mayBeOf(outcomes, id, len(effect.Policies))) {
			s.changes = append(s.changes, out)
		}
	}
	e.changes = append(e.changes, out)
}

// mayBeOf reports whether an effect that several policies could have caused is attributed to one of
// them: only if the call reports that policy as in effect. Other effects are listed only with the
// changes of the Gateway.
func mayBeOf(outcomes map[identity]mutator.Reason, id identity, of int) bool {
	reason, told := outcomes[id]
	return reason == mutator.Programmed || !told && of == 1
}

func newChange(h mutator.Hook, gateway string, effect *engine.Effect) *change {
	code, _ := finding.OfReason(string(effect.Result))
	out := &change{effect: effect, Change: Change{
		Hook: h, Gateway: gateway, Feature: effect.Feature, Kind: effect.Kind, Name: effect.Name, CopyOf: effect.CopyOf,
		Result: string(effect.Result), Code: code.ID, Shadow: effect.Shadow,
	}}
	switch {
	case !effect.Changed():
	case effect.Before == nil:
		out.Op = diff.Added
	case effect.After == nil:
		out.Op = diff.Removed
	default:
		out.Op = diff.Changed
		if name := nameOf(effect.Kind, effect.After); name != effect.Name {
			out.NewName = name
		}
	}
	if effect.Err != nil {
		out.Error = effect.Err.Error()
		cause, _ := finding.OfReason(string(engine.AdditionalResult(effect.Err)))
		out.Cause = cause.ID
	}
	return out
}

// compareAll compares the resources of changes, each once. It counts unchanged fields only on request.
func compareAll(ctx context.Context, all []*change, counts bool) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for i := next.Add(1) - 1; int(i) < len(all); i = next.Add(1) - 1 {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := all[i].compare(counts); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (c *change) compare(counts bool) error {
	if c.result != nil {
		return nil
	}
	before, err := c.decode(c.effect.Before)
	if err != nil {
		return err
	}
	after, err := c.decode(c.effect.After)
	if err != nil {
		return err
	}
	if c.releases() && !counts {
		onlyActions(before)
		onlyActions(after)
	}
	switch {
	case before == nil && after == nil:
		c.result = &diff.Result{Changes: []diff.Change{}}
	case before == nil || after == nil:
		c.result, err = whole(before, after)
	default:
		c.result, err = diff.Messages(before, after)
		c.empty = c.effect.Err == nil && err == nil && len(c.result.Changes) == 0
	}
	return err
}

// mayBeEmpty reports whether the change may consist only of the route metadata that the Route hook
// leaves for the translation.
func (c *change) mayBeEmpty() bool {
	k := c.effect.Kind
	return k == mutator.KindRoute || k == mutator.KindVirtualHost || k == mutator.KindRouteConfiguration
}

// decode decodes a resource as Envoy receives it: without the route metadata that the Route hook
// leaves for the translation.
func (c *change) decode(raw []byte) (proto.Message, error) {
	if raw == nil {
		return nil, nil
	}
	m, err := callfile.Decode(c.effect.Kind, raw)
	if err != nil {
		return nil, err
	}
	all := func(xds.MetadataEntry) bool { return true }
	switch m := m.(type) {
	case *routev3.Route:
		xds.ReleaseRoutes(&routev3.VirtualHost{Routes: []*routev3.Route{m}}, all)
	case *routev3.VirtualHost:
		xds.ReleaseRoutes(m, all)
	case *routev3.RouteConfiguration:
		for _, vh := range m.GetVirtualHosts() {
			xds.ReleaseRoutes(vh, all)
		}
	}
	return m, nil
}

// whole returns the comparison of a resource that exists only before or only after.
func whole(before, after proto.Message) (*diff.Result, error) {
	change := diff.Change{Op: diff.Added}
	m, to := after, &change.New
	if after == nil {
		change.Op, m, to = diff.Removed, before, &change.Old
	}
	text, err := redact.JSON(m)
	*to = text
	return &diff.Result{Changes: []diff.Change{change}}, err
}

// fields are the numbers of the name and metadata fields of resources, by kind.
var fields = func() map[mutator.Kind]wire.FieldNumbers {
	all := map[mutator.Kind]wire.FieldNumbers{}
	for _, k := range callfile.Kinds() {
		if m, err := callfile.NewMessage(k); err == nil {
			all[k] = wire.FieldNumbersOf(m)
		}
	}
	return all
}()

func nameOf(k mutator.Kind, raw []byte) string { return wire.NewView(fields[k], raw).Name() }

// isOf reports whether a resource was generated from an object.
func (c *change) isOf(kind, namespace, name string) bool {
	is := func(refs []xds.Reference) bool {
		return slices.ContainsFunc(refs, func(r xds.Reference) bool {
			return r.Kind == kind && r.Namespace == namespace && r.Name == name
		})
	}
	for _, raw := range [][]byte{c.effect.Before, c.effect.After} {
		if raw == nil {
			continue
		}
		if is(wire.NewView(fields[c.effect.Kind], raw).References()) {
			return true
		}
		m, err := callfile.Decode(c.effect.Kind, raw)
		rc, ok := m.(*routev3.RouteConfiguration)
		if err != nil || !ok {
			continue
		}
		for _, vh := range rc.GetVirtualHosts() {
			if slices.ContainsFunc(vh.GetRoutes(), func(r *routev3.Route) bool { return is(xds.References(r.GetMetadata())) }) {
				return true
			}
		}
	}
	return false
}

// isCluster reports whether a change is about a cluster, under its old or its new name.
func (c *change) isCluster(name string) bool {
	return c.effect.Kind == mutator.KindCluster &&
		(c.effect.Name == name || c.CopyOf == name || c.NewName == name)
}
