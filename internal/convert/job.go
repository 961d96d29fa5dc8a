package convert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
)

// job converts one operation.
type job struct {
	converter *Converter
	ctx       context.Context //nolint:containedctx // of one call
	policy    *Policy
	patch     *Patch
	envoy     *envoy
	resource  *resource
	// isInEffect is true if the policy is already part of the resource.
	isInEffect bool
}

const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"

// types are the resources that egraft's policies can patch.
var types = map[string]mutator.Kind{
	listenerType: mutator.KindListener,
	"type.googleapis.com/envoy.config.route.v3.RouteConfiguration": mutator.KindRouteConfiguration,
	"type.googleapis.com/envoy.config.cluster.v3.Cluster":          mutator.KindCluster,
}

// never are operations and resources without an equivalent, with an alternative.
var never = map[string][2]string{
	"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret": {"Secrets cannot be patched", "Write the certificate into a Kubernetes Secret, or use a BackendMTLSPolicy or FrontendMTLSPolicy (docs/backend-mtls-policy.md)"},
	"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment":   {"endpoints cannot be patched", "Use a Backend with the endpoints (docs/xds-patch-policy.md, Limits)"},
	"move": {"egraft's policies do not support move", "Write it as add and remove with the value"},
	"copy": {"egraft's policies do not support copy", "Write it as add with the value"},
	"test": {"egraft's policies do not support test; in Envoy Gateway, a test operation can only fail", "Write the condition as `when` of the patch that depends on it (docs/xds-patch-policy.md, Expressions)"},
}

// instead are the alternatives to adding a resource.
var instead = map[mutator.Kind]string{
	mutator.KindListener:           "Add a listener to the Gateway",
	mutator.KindRouteConfiguration: "Add an HTTPRoute",
	mutator.KindCluster:            "Add a Backend, and a route or policy that refers to it",
}

func (j *job) convert(out *collected) error {
	o := &j.patch.Operation
	for _, key := range []string{j.patch.Type, o.Op} {
		if n, is := never[key]; is {
			return reject(n[1], "%s", n[0])
		}
	}
	k, known := types[j.patch.Type]
	switch {
	case !known:
		return reject("", "Envoy Gateway does not support the type %q", short(j.patch.Type))
	case !slices.Contains([]string{opAdd, opReplace, opRemove}, o.Op):
		return reject("", "unknown operation %q", short(o.Op))
	case isEmpty(o.Path) && isEmpty(o.JSONPath) && o.Op == opAdd:
		return reject(instead[k]+" (docs/convert.md)", "egraft's policies cannot add a resource")
	case isEmpty(o.Path) && isEmpty(o.JSONPath):
		return reject("", "it has neither path nor jsonPath, and Envoy Gateway rejects it")
	case len(o.Value) > maxValue:
		return reject("", "its value has more than %d bytes", maxValue)
	}
	if err := j.find(k); err != nil {
		return err
	}
	paths, err := j.paths()
	if err != nil {
		return err
	}
	return j.all(out, paths)
}

func isEmpty(text *string) bool { return text == nil || *text == "" }

// find finds the resource with the operation's name.
func (j *job) find(k mutator.Kind) error {
	w := j.converter.World
	if w == nil {
		var err error
		if j.envoy, err = assume(k, j.patch.Name, j.policy); err != nil {
			return err
		}
		j.resource = j.envoy.resources[0]
		return nil
	}
	var names []string
	of := w.envoys
	if j.policy.Target.Kind == "Gateway" {
		of = slices.DeleteFunc(slices.Clone(of), func(e *envoy) bool { return !e.has(j.policy.Namespace, j.policy.Target.Name) })
		if len(of) == 0 {
			return reject("Record while Envoy Gateway serves it, with a route on its listeners", "the Gateway %s/%s is not in the recording or dump", short(j.policy.Namespace), short(j.policy.Target.Name))
		}
	}
	for _, e := range of {
		if r := e.find(k, j.patch.Name); r != nil {
			j.envoy, j.resource = e, r
			return nil
		}
		names = append(names, e.names(k)...)
	}
	return reject("Its patch has no effect in Envoy Gateway either: correct the name, or delete it", "there is no %s with this name%s", k, nearest(j.patch.Name, names))
}

func nearest(name string, names []string) string {
	if text := typedconfig.DidYouMean(name, names); text != "" {
		return text
	}
	if len(names) > 5 {
		names = append(slices.Clone(names[:5]), "…")
	}
	if len(names) == 0 {
		return ""
	}
	return "; there are " + short(strings.Join(names, ", "))
}

// paths returns the paths at which the operation writes.
func (j *job) paths() ([][]string, error) {
	o := &j.patch.Operation
	doc, err := asDocument(j.resource.now)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", short(j.resource.name), err)
	}
	var path string
	if o.Path != nil {
		path = *o.Path
	}
	if !isEmpty(o.JSONPath) && path != "" && path[0] != '/' {
		path = "/" + path // as Envoy Gateway reads it
	}
	if len(path) > maxText {
		return nil, reject("", "its path has more than %d bytes", maxText)
	}
	rest, err := tokens(path)
	switch {
	case err != nil:
		return nil, reject("", "the path %v", err)
	case isEmpty(o.JSONPath):
		return [][]string{rest}, nil
	}
	found, err := locate(doc, *o.JSONPath)
	if err != nil {
		return nil, reject("", "the jsonPath %v", err)
	}
	if len(found) == 0 {
		return nil, j.unknown("the jsonPath matches nothing")
	}
	for i := range found {
		found[i] = append(found[i], rest...)
	}
	return found, nil
}

// unknown returns a rejection because of something missing, with a different remedy if Envoy's
// configuration is unknown.
func (j *job) unknown(format string, args ...any) error {
	if j.envoy.isAssumed {
		return reject("Provide Envoy's configuration with --config-dump or --recording", format+" that Envoy Gateway always generates", args...)
	}
	return reject("It fails in Envoy Gateway, too: correct it, or delete it", format, args...)
}

// edited is a message that the operation changes, with an equivalent change.
type edited struct {
	place  *place
	change change
}

// maxLevels is the maximum nesting of messages that can be selected.
const maxLevels = 5

// all converts an operation at all of its paths, and applies it. It first tries to change the
// innermost messages that contain the paths, then those around them.
func (j *job) all(out *collected, paths [][]string) error {
	before := j.resource.now
	var fault error
	for level := range maxLevels {
		err := j.level(out, paths, level)
		if err == nil {
			return nil
		}
		if fault == nil {
			fault = err
		}
		j.resource.now = before
		if errors.Is(err, errNoLevel) {
			break
		}
	}
	j.try(paths)
	return fault
}

// errNoLevel means that no selectable message is further out.
var errNoLevel = errors.New("XDSPatchPolicies cannot select the message that it changes")

func (j *job) level(out *collected, paths [][]string, level int) error {
	var found []edited
	for _, path := range paths {
		es, err := j.one(out, path, level)
		if err != nil {
			return err
		}
		found = append(found, es...)
	}
	return j.emit(out, found)
}

// try applies an operation that cannot be converted, because later ones can depend on it.
func (j *job) try(paths [][]string) {
	for _, path := range paths {
		if after, _, err := j.apply(path); err == nil {
			j.resource.now = after
		}
	}
}

// one converts an operation at one path.
func (j *job) one(out *collected, path []string, level int) ([]edited, error) {
	places := j.envoy.placesOf(j.resource)
	after, plain, err := j.apply(path)
	if err != nil {
		return nil, err
	}
	if done, err := j.perRoute(out, places, plain); done || err != nil {
		j.resource.now = after
		return nil, err
	}
	if done, err := j.filter(out, places, plain, path[len(path)-1] == end); done || err != nil {
		j.resource.now = after
		return nil, err
	}
	value, _ := j.patch.Operation.value()
	was := j.resource.now
	j.resource.now = after
	var first error
	for _, p := range slices.Backward(places) {
		if !p.covers(plain) {
			continue
		}
		if level--; level >= 0 {
			continue
		}
		q := j.same(p)
		if q == nil {
			continue
		}
		rest, _ := tokens(pointerOf(plain)[len(p.pointer):])
		if len(rest) == 1 && rest[0] == "name" && p.pointer == "" {
			j.resource.now = was
			return nil, reject("Remove the operation", "it renames a resource that others refer to by name")
		}
		if path[len(path)-1] == end {
			rest[len(rest)-1] = end
		}
		c, err := j.between(p, q, rest, value)
		if err == nil {
			return []edited{{p, c}}, nil
		}
		if first == nil {
			first = err
		}
	}
	j.resource.now = was
	if first == nil {
		first = errNoLevel
	}
	return nil, first
}

// same returns the place after the operation.
func (j *job) same(p *place) *place {
	all := j.envoy.placesOf(j.resource)
	i := slices.IndexFunc(all, func(q *place) bool { return q.pointer == p.pointer && q.selects == p.selects })
	if i < 0 {
		return nil
	}
	return all[i]
}

// between finds a change that turns one message into the other.
func (j *job) between(before, after *place, path []string, value any) (change, error) {
	of := before.msg.ProtoReflect().Descriptor()
	all, err := changes(&cursor{of: of, before: before.msg.ProtoReflect(), after: after.msg.ProtoReflect()}, j.patch.Operation.Op, path, value, j.isInEffect)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		got, e := applied(j.ctx, c, before)
		if e == nil && same(got, after.msg) {
			return c, nil
		}
		if e != nil && err == nil {
			err = reject("", "%s", short(e.Error()))
		}
	}
	if err == nil {
		err = reject("Write the patch by hand (docs/xds-patch-policy.md)", "no egraft patch changes the %s in the same way", before.selects.Kind)
	}
	return nil, err
}

// applied returns the message after a change.
func applied(ctx context.Context, c change, p *place) (proto.Message, error) {
	m := proto.Clone(p.msg)
	for i := range c {
		one := c[i]
		one.Select = p.selects
		compiled, errs := xdspatch.Compile(&one, field.NewPath("patch"))
		if len(errs) > 0 {
			return nil, errs[0]
		}
		if err := compiled.Apply(ctx, m, xdspatch.Target{}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// same compares messages, and those packed in an Any by their content.
func same(a, b proto.Message) bool {
	if proto.Equal(a, b) {
		return true
	}
	first, err := asDocument(a)
	second, err2 := asDocument(b)
	return err == nil && err2 == nil && equal(first, second)
}

// patchesOf returns the patches of a change, with their select and when.
func patchesOf(c change, s v1alpha1.XDSSelect, when string) []v1alpha1.XDSPatch {
	out := slices.Clone(c)
	for i := range out {
		out[i].Select, out[i].When = s, when
	}
	return out
}
