package render

import (
	"context"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Renderer makes hook calls.
type Renderer struct {
	Engine *engine.Engine
	// Features are the features of the engine. Calls contain what Envoy Gateway sends if it is
	// configured for them.
	Features []mutator.Feature
}

// Result is the result of calls.
type Result struct {
	// Resources are the resources of all calls, in the order of the calls.
	Resources []Resource
	Policies  []Policy
	// Failures are failures of mutators and errors of calls.
	Failures []string
}

// Resource is a resource before and after. Before is nil if it was added, after if it was removed.
type Resource struct {
	Kind          mutator.Kind
	Name          string
	Before, After proto.Message
}

// Policy is the outcome of a custom resource.
type Policy struct {
	Policy  string `json:"policy"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// NotSent is the reason for a custom resource that no call contained.
const NotSent = "NotSent"

// InEffect reports whether the outcome is as the policy's author intends: Overridden is fine
// because more specific policies apply, and Shadow because the policy is not meant to be in effect.
func (p Policy) InEffect() bool {
	switch mutator.Reason(p.Reason) {
	case mutator.Programmed, mutator.Overridden, mutator.Shadow:
		return true
	default:
		return false
	}
}

type run struct {
	*Renderer
	*Result
	sent map[*objectfile.Object]bool
	in   *Input
}

// Render makes the calls for the input.
func (r *Renderer) Render(ctx context.Context, in *Input) (*Result, error) {
	run := &run{r, &Result{}, map[*objectfile.Object]bool{}, in}
	if err := run.calls(ctx); err != nil {
		return nil, err
	}
	if in.Dump != nil {
		if err := run.dump(ctx); err != nil {
			return nil, err
		}
	}
	run.notSent()
	return run.Result, nil
}

// firstCall is the location of the first call in a file.
const firstCall = "calls[0]."

// calls makes the calls in files, with the policies of the input that Envoy Gateway would send.
func (r *run) calls(ctx context.Context) error {
	returned := callfile.Returned{}
	for _, s := range r.in.Calls {
		if s.At == "" || s.At == firstCall { // the first call of its file
			returned = callfile.Returned{}
		} else if err := returned.Complete(s.Call); err != nil {
			return fmt.Errorf("%s%w", s.At, err)
		}
		refs, err := routeReferences(s.Call)
		if err != nil {
			return fmt.Errorf("%s%w", s.At, err)
		}
		s.Objects = slices.Concat(s.Objects, r.objects(s.Hook, refs))
		res, err := r.call(ctx, s.Call)
		if err != nil {
			return fmt.Errorf("%shook %s: %w", s.At, s.Hook, err)
		}
		if err := returned.Note(res); err != nil {
			return err
		}
		if err := r.compare(s.Resources, res.Resources); err != nil {
			return err
		}
	}
	return nil
}

// routeReferences returns the objects from which the route of a call was generated.
func routeReferences(call *engine.Call) (refs []xds.Reference, err error) {
	for _, list := range call.Resources {
		for _, raw := range list.Encoded {
			route := &routev3.Route{}
			if list.Kind != mutator.KindRoute {
				continue
			}
			if err := proto.Unmarshal(raw, route); err != nil {
				return nil, err
			}
			refs = append(refs, xds.References(route.GetMetadata())...)
		}
	}
	return refs, nil
}

// call makes a call and records its outcomes.
func (r *run) call(ctx context.Context, call *engine.Call) (*engine.Response, error) {
	res, err := r.Engine.Run(ctx, call)
	if err != nil {
		return nil, err
	}
	for _, p := range res.Policies {
		outcome := Policy{p.Policy.String(), string(p.Reason), p.Message}
		if !slices.Contains(r.Policies, outcome) {
			r.Policies = append(r.Policies, outcome)
		}
	}
	for _, o := range res.Outcomes {
		if o.Err != nil {
			r.fail(fmt.Sprintf("%s %s: %s: %s: %v", o.Kind, o.Name, o.Feature, o.Result, o.Err))
		}
	}
	for _, warning := range res.Warnings {
		r.fail(warning.Error())
	}
	return res, nil
}

func (r *run) fail(text string) {
	if !slices.Contains(r.Failures, text) {
		r.Failures = append(r.Failures, text)
	}
}

// objects returns the policies that Envoy Gateway sends to a hook: for a route those that target
// it, otherwise those of Gateways.
func (r *run) objects(h mutator.Hook, refs []xds.Reference) (out [][]byte) {
	for _, o := range r.in.Objects {
		if !r.reads(o, h) {
			continue
		}
		attached := h == mutator.HookRoute && o.IsOnRoute(refs)
		if h != mutator.HookRoute {
			attached = hasGateway(o)
		}
		if attached {
			r.sent[o] = true
			out = append(out, o.JSON)
		}
	}
	return out
}

func hasGateway(o *objectfile.Object) bool {
	return slices.ContainsFunc(slices.Concat(o.Targets(), o.Spec.TargetSelectors), func(t objectfile.Target) bool {
		return t.Kind == xds.KindGateway || t.Kind == xds.KindGatewayClass
	})
}

// reads reports whether a feature reads a custom resource as a policy, in the given hook if there is one.
func (r *run) reads(o *objectfile.Object, h mutator.Hook) bool {
	for i := range r.Features {
		f := &r.Features[i]
		if (h == "" || f.Uses(h)) && slices.ContainsFunc(f.Policies, func(k policy.Kind) bool { return k.GroupVersionKind == o.GVK() }) {
			return true
		}
	}
	return false
}

// notSent reports custom resources that no call contained.
func (r *run) notSent() {
	for _, o := range r.in.Objects {
		if r.sent[o] {
			continue
		}
		message := "no route in the input was generated from any of its targets"
		switch {
		case !r.reads(o, ""):
			message = "no enabled feature reads it as a policy; if it is a filter or backend, xDS does not show which routes refer to it: use a file of calls, and add it to objects"
		case o.Metadata.Namespace == "":
			message = "has no metadata.namespace, but targets are in the namespace of the policy: set it"
		case len(o.Spec.TargetSelectors) > 0:
			message = "targetSelectors select routes by labels, which xDS does not have: use targetRefs"
		}
		r.Policies = append(r.Policies, Policy{o.String(), NotSent, message})
	}
}

// compare pairs resources by name.
func (r *run) compare(before, after []engine.Resources) error {
	for i, list := range after {
		names := map[string]int{}
		first := len(r.Resources)
		if i < len(before) {
			for _, raw := range before[i].Encoded {
				m, name, err := decode(list.Kind, raw)
				if err != nil {
					return err
				}
				names[name] = len(r.Resources)
				r.Resources = append(r.Resources, Resource{Kind: list.Kind, Name: name, Before: m})
			}
		}
		for _, raw := range list.Encoded {
			m, name, err := decode(list.Kind, raw)
			if err != nil {
				return err
			}
			if at, known := names[name]; known && r.Resources[at].After == nil && at >= first {
				r.Resources[at].After = m
				continue
			}
			r.Resources = append(r.Resources, Resource{Kind: list.Kind, Name: name, After: m})
		}
	}
	return nil
}

func decode(k mutator.Kind, raw []byte) (proto.Message, string, error) {
	m, err := callfile.Decode(k, raw)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", k, err)
	}
	name, err := callfile.NameOf(k, raw)
	return m, name, err
}
