package convert

import (
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/protobuf/proto"
)

// apply applies the operation to a copy of the resource. In plain, the path has no negative indexes.
func (j *job) apply(path []string) (after proto.Message, plain []string, err error) {
	o := &j.patch.Operation
	doc, err := asDocument(j.resource.now)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", short(j.resource.name), err)
	}
	plain = plainIndexes(doc, path)
	value, err := o.value()
	if err != nil {
		return nil, nil, err
	}
	op := o.Op
	if j.envoy.isAssumed && !isKnown(doc, path) {
		return nil, nil, j.unknown("the path does not lead to a list element")
	}
	if j.envoy.isAssumed || j.isInEffect {
		op = assumedOp(op)
	}
	if j.isInEffect && op == opRemove && isListed(doc, path) {
		return nil, nil, reject("Take the recording or dump without the EnvoyPatchPolicy", "the EnvoyPatchPolicy is already in effect, so the element at its index is already removed")
	}
	doc, err = apply(doc, op, path, value)
	if (j.envoy.isAssumed || j.isInEffect) && op == opRemove && errors.Is(err, errMissing) {
		return j.resource.now, plain, nil // Envoy is the same without the policy, or there is nothing to remove
	}
	if err != nil {
		return nil, nil, j.unknown("%v", err)
	}
	after, err = message(doc, j.resource.now)
	if err == nil {
		if v, ok := after.(interface{ Validate() error }); ok {
			err = v.Validate()
		}
	}
	if err != nil {
		return nil, nil, reject("Correct it, or delete it", "Envoy Gateway rejects it, because the result is not a valid %s: %s", j.resource.kind, position.ReplaceAllString(short(err.Error()), ""))
	}
	if j.isInEffect && op == opAdd && isRepeated(after, plain) {
		after = j.resource.now
	}
	return after, plain, nil
}

// isListed reports whether a path leads to an element of a list.
func isListed(doc any, path []string) bool {
	of, found := parent(doc, path)
	_, isList := of.([]any)
	return isList || !found
}

// parent returns the value that contains the last step of a path; found is false if an earlier step
// is not in its list.
func parent(doc any, path []string) (of any, found bool) {
	for _, t := range path[:len(path)-1] {
		switch d := doc.(type) {
		case map[string]any:
			doc = d[t]
		case []any:
			i, ok := index(t, len(d))
			if !ok || i >= len(d) {
				return nil, false
			}
			doc = d[i]
		}
	}
	return doc, true
}

// position matches the position in protojson's errors: it refers to JSON that the user did not write.
var position = regexp.MustCompile(`proto:\s*\(line \d+:\d+\):\s*`)

var errNoValue = errors.New("it has no value")

// value returns the value that the operation writes.
func (o *Operation) value() (any, error) {
	if o.Op == opRemove {
		return nil, nil
	}
	if len(o.Value) == 0 {
		return nil, errNoValue
	}
	v, err := decode(o.Value)
	if err == nil && depth(v) > maxDepth {
		err = fmt.Errorf("its value is nested more than %d levels deep", maxDepth)
	}
	return v, err
}

func depth(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			n = max(n, depth(inner))
		}
	case []any:
		for _, inner := range v {
			n = max(n, depth(inner))
		}
	default:
		return 0
	}
	return n + 1
}
