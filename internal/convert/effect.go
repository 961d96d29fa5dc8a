package convert

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
)

// isInEffect reports whether the policy is already part of Envoy's configuration: more than half of
// the values that its operations write are there.
func (c *Converter) isInEffect(ctx context.Context, p *Policy) bool {
	written, there := 0, 0
	for i := range p.Patches {
		j := &job{converter: c, ctx: ctx, policy: p, patch: &p.Patches[i]}
		k, known := types[j.patch.Type]
		if o := &j.patch.Operation; !known || o.Op != opAdd && o.Op != opReplace || j.find(k) != nil || j.envoy.isAssumed {
			continue
		}
		paths, err := j.paths()
		if err != nil || len(paths) == 0 || len(paths[0]) == 0 {
			continue
		}
		after, plain, err := j.apply(paths[0])
		if err != nil {
			continue
		}
		written++
		if same(after, j.resource.now) || isRepeated(after, plain) {
			there++
		}
	}
	return written > 0 && 2*there > written
}

// isRepeated reports whether a path leads to a list element that has an equal one, or to an HTTP
// filter whose name another filter of the chain has.
func isRepeated(of proto.Message, path []string) bool {
	doc, err := asDocument(of)
	if err != nil {
		return false
	}
	in, _ := parent(doc, path)
	list, isList := in.([]any)
	i, ok := index(path[len(path)-1], len(list))
	if !isList || !ok || i >= len(list) {
		return false
	}
	isFilter := len(path) > 1 && path[len(path)-2] == "http_filters"
	others := slices.Delete(slices.Clone(list), i, i+1)
	return slices.ContainsFunc(others, func(o any) bool {
		return equal(o, list[i]) || isFilter && nameOf(o) != "" && nameOf(o) == nameOf(list[i])
	})
}

func nameOf(v any) string {
	members, _ := v.(map[string]any)
	name, _ := members["name"].(string)
	return name
}
