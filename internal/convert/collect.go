package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// Limits of the CRD.
const (
	maxPatches = 16
	maxTargets = 16
)

// Object is a policy of egraft, with its origin.
type Object struct {
	Kind, Namespace, Name string
	// From is the EnvoyPatchPolicy, as namespace/name.
	From string
	// Content is an XDSPatchPolicy or a FilterPolicy.
	Content any
	// NeedsGrant is true if the object has no effect, or only part of it, until the operator grants it.
	NeedsGrant bool
}

// collected holds the results for the operations of one EnvoyPatchPolicy after the other.
type collected struct {
	converter *Converter
	used      map[string]bool
	objects   []*Object
	told      []Told
	grants    []*Grant
	// added are the names of filters that operations of any policy add.
	added map[string]bool
	// made are the filters of all policies, and settings their configuration on routes.
	made     []*madeFilter
	settings []routeSetting

	policy *Policy
	at     Told // without a reason
	sets   []*set
	// filters are the filters that the current policy adds to chains.
	filters []*madeFilter
}

// set is the patches with the same targets.
type set struct {
	namespace string
	targets   []gwapiv1.LocalPolicyTargetReferenceWithSectionName
	patches   []v1alpha1.XDSPatch
	// gateways are the namespaces of the affected Gateways.
	gateways []string
}

func (c *collected) begin(p *Policy) {
	c.policy, c.sets, c.filters = p, nil, nil
	c.at = Told{Policy: p.String()}
	if len(p.Patches) == 0 {
		c.note("it has no operations", "")
	}
}

// field sets the operation to which the following remarks refer.
func (c *collected) field(i int, p *Patch) {
	c.at = Told{Policy: c.policy.String(), Field: fmt.Sprintf("%s[%d]", patchesField, i), Operation: operation(p)}
}

const patchesField = "spec.jsonPatches"

// operation describes an operation in one line, without its value, which may be secret.
func operation(p *Patch) string {
	text := p.Operation.Op
	for _, part := range []*string{p.Operation.JSONPath, p.Operation.Path} {
		if !isEmpty(part) {
			text += " " + *part
		}
	}
	if p.Operation.From != nil {
		text += " from " + *p.Operation.From
	}
	kind := p.Type
	if k, known := types[p.Type]; known {
		kind = string(k)
	}
	return short(text) + " of " + short(kind) + " " + short(p.Name)
}

func (c *collected) note(reason, remedy string) {
	t := c.at
	t.Reason, t.Remedy, t.IsNote = reason, remedy, true
	for i := range c.told {
		if o := &c.told[i]; o.IsNote && o.Policy == t.Policy && o.Reason == reason && o.Field != "" {
			if !strings.HasSuffix(o.Field, strings.TrimPrefix(t.Field, patchesField)) {
				o.Field, o.Operation = o.Field+", "+strings.TrimPrefix(t.Field, patchesField), ""
			}
			return
		}
	}
	c.told = append(c.told, t)
}

func (c *collected) reject(err error) {
	t := c.at
	t.Reason = err.Error()
	if r := (*rejection)(nil); errors.As(err, &r) {
		t.Remedy = r.remedy
	}
	c.told = append(c.told, t)
}

// patches adds patches for targets.
func (c *collected) patches(targets []xds.Reference, patches []v1alpha1.XDSPatch, gateways []string) {
	for namespace, refs := range byNamespace(targets) {
		for some := range slices.Chunk(refs, maxTargets) {
			s := c.setOf(namespace, some)
			s.add(patches)
			s.gateways = append(s.gateways, gateways...)
		}
	}
}

func (c *collected) setOf(namespace string, targets []gwapiv1.LocalPolicyTargetReferenceWithSectionName) *set {
	i := slices.IndexFunc(c.sets, func(s *set) bool { return s.namespace == namespace && equal(s.targets, targets) })
	if i >= 0 {
		return c.sets[i]
	}
	s := &set{namespace: namespace, targets: targets}
	c.sets = append(c.sets, s)
	return s
}

// byNamespace yields target references by the namespace of their policy, in a fixed order.
func byNamespace(targets []xds.Reference) func(yield func(string, []gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool) {
	var names []string
	of := map[string][]gwapiv1.LocalPolicyTargetReferenceWithSectionName{}
	for _, t := range targets {
		if !slices.Contains(names, t.Namespace) {
			names = append(names, t.Namespace)
		}
		ref := gwapiv1.LocalPolicyTargetReferenceWithSectionName{
			LocalPolicyTargetReference: gwapiv1.LocalPolicyTargetReference{Group: gwapiv1.GroupName, Kind: gwapiv1.Kind(t.Kind), Name: gwapiv1.ObjectName(t.Name)},
		}
		if t.SectionName != "" {
			ref.SectionName = new(gwapiv1.SectionName(t.SectionName))
		}
		of[t.Namespace] = append(of[t.Namespace], ref)
	}
	return func(yield func(string, []gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool) {
		for _, n := range names {
			if !yield(n, of[n]) {
				return
			}
		}
	}
}

// add adds patches. It combines consecutive merges into one.
func (s *set) add(patches []v1alpha1.XDSPatch) {
	for i := range patches {
		p := patches[i]
		if n := len(s.patches) - 1; n >= 0 && p.Merge != nil && s.patches[n].Merge != nil && s.patches[n].Select == p.Select && s.patches[n].When == p.When {
			if both, ok := together(s.patches[n].Merge.Raw, p.Merge.Raw); ok {
				s.patches[n].Merge = &v1alpha1.XDSObject{XDSValue: v1alpha1.XDSValue{Raw: both}}
				continue
			}
		}
		s.patches = append(s.patches, p)
	}
}

// together combines two merges; ok is false if both set the same field.
func together(a, b []byte) ([]byte, bool) {
	first, err := decode(a)
	second, err2 := decode(b)
	if err != nil || err2 != nil {
		return nil, false
	}
	both, ok := combined(first, second)
	if !ok {
		return nil, false
	}
	return raw(both), true
}

func combined(a, b any) (any, bool) {
	first, ok := a.(map[string]any)
	second, ok2 := b.(map[string]any)
	if !ok || !ok2 || len(first) == 0 || len(second) == 0 {
		return nil, false
	}
	out := cloned(first)
	for name, v := range second {
		was, there := out[name]
		switch {
		case !there:
			out[name] = v
		case name == "@type" && equal(was, v):
		default:
			if out[name], ok = combined(was, v); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// end makes objects of the patches and filters of the current policy.
func (c *collected) end() {
	c.at = Told{Policy: c.policy.String()}
	for _, s := range c.sets {
		for some := range slices.Chunk(s.patches, maxPatches) {
			p := &v1alpha1.XDSPatchPolicy{}
			p.Spec.TargetRefs, p.Spec.Patches = s.targets, some
			c.object(v1alpha1.KindXDSPatchPolicy, s.namespace, p, s.gateways)
		}
	}
	for _, f := range c.filters {
		c.made = append(c.made, f)
		c.object(v1alpha1.KindFilterPolicy, f.namespace, f.policy(), nil)
	}
}

// result returns the result for all policies.
func (c *collected) result() *Result {
	c.perRoutes()
	r := &Result{Objects: c.objects, Told: c.told, Grants: c.grants}
	if len(c.grants) > 0 {
		r.Rules = c.rules()
	}
	return r
}

// name returns a name that no other object of the kind has.
func (c *collected) name(kind, namespace string) string {
	base := c.policy.Name
	if len(base) > maxName {
		base = base[:maxName]
	}
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if key := kind + " " + namespace + "/" + name; !c.used[key] {
			c.used[key] = true
			return name
		}
	}
}

// maxName leaves room for a number after the name.
const maxName = 240
