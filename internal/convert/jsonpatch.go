package convert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// unescaper and escaper are for tokens of JSON pointers, RFC 6901.
var (
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
)

// tokens splits a JSON pointer.
func tokens(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	if !strings.HasPrefix(pointer, "/") {
		return nil, errors.New("is not a JSON pointer: it must begin with /")
	}
	out := strings.Split(pointer[1:], "/")
	if len(out) > maxDepth {
		return nil, fmt.Errorf("has more than %d parts", maxDepth)
	}
	for i := range out {
		out[i] = unescaper.Replace(out[i])
	}
	return out, nil
}

// pointerOf joins tokens to a JSON pointer.
func pointerOf(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + escaper.Replace(t))
	}
	return b.String()
}

// end stands for the end of a list.
const end = "-"

// index parses the index of a list with n elements. Negative indexes count from the end, as in Envoy Gateway.
func index(token string, n int) (int, bool) {
	i, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(i) != token {
		return 0, false
	}
	if i < 0 {
		i += n
	}
	return i, i >= 0
}

// plainIndexes resolves negative indexes and the end of a list.
func plainIndexes(doc any, path []string) []string {
	out := slices.Clone(path)
	for i, t := range out {
		switch d := doc.(type) {
		case map[string]any:
			doc = d[t]
		case []any:
			n, ok := index(t, len(d))
			if t == end {
				n, ok = len(d), true
			}
			if !ok {
				return out
			}
			out[i] = strconv.Itoa(n)
			doc = nil
			if n < len(d) {
				doc = d[n]
			}
		default:
			return out
		}
	}
	return out
}

var (
	errMissing = errors.New("there is nothing at the path")
	errIndex   = errors.New("the path has an index outside the list")
)

// apply applies add, replace or remove to a document and modifies it, as Envoy Gateway does: add
// creates missing parents.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/utils/jsonpatch/patch.go
func apply(doc any, op string, path []string, value any) (any, error) {
	if len(path) == 0 {
		return nil, errMissing
	}
	switch d := doc.(type) {
	case map[string]any:
		return d, applyToObject(d, op, path, value)
	case []any:
		return applyToList(d, op, path, value)
	}
	return nil, errMissing
}

func applyToObject(d map[string]any, op string, path []string, value any) error {
	name := path[0]
	inner, there := d[name]
	if len(path) == 1 {
		switch {
		case op != opAdd && !there:
			return errMissing
		case op == opRemove:
			delete(d, name)
		default:
			d[name] = value
		}
		return nil
	}
	if !there {
		if op != opAdd {
			return errMissing
		}
		inner = empty(path[1])
	}
	inner, err := apply(inner, op, path[1:], value)
	if err == nil {
		d[name] = inner
	}
	return err
}

// empty returns the parent to create for a token.
func empty(token string) any {
	if _, isIndex := index(token, 0); isIndex || token == end {
		return []any{}
	}
	return map[string]any{}
}

func applyToList(d []any, op string, path []string, value any) (any, error) {
	i, ok := index(path[0], len(d))
	if path[0] == end {
		i, ok = len(d), op == opAdd
	}
	switch {
	case !ok || i > len(d) || i == len(d) && op != opAdd:
		return nil, errIndex
	case len(path) > 1:
		if i == len(d) {
			d = append(d, empty(path[1]))
		}
		inner, err := apply(d[i], op, path[1:], value)
		d[i] = inner
		return d, err
	case op == opAdd:
		return slices.Insert(d, i, value), nil
	case op == opReplace:
		d[i] = value
		return d, nil
	}
	return slices.Delete(d, i, i+1), nil
}
