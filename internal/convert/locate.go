package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ohler55/ojg/jp"
)

// Limits of JSONPaths.
const (
	maxJSONPath = 1024
	maxDescents = 3
	maxLocated  = 512
)

// locate returns the paths that a JSONPath matches in a document, and the same errors as Envoy
// Gateway, because it uses the same implementation.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/utils/jsonpatch/jsonpathtopointer.go
func locate(doc any, text string) (out [][]string, err error) {
	if len(text) > maxJSONPath || strings.Count(text, "..") > maxDescents || strings.Count(text, "*") > 2*maxDescents {
		return nil, fmt.Errorf("is too long, or contains .. more than %d times or * more than %d times", maxDescents, 2*maxDescents)
	}
	defer func() {
		if r := recover(); r != nil { // a panic of the library
			out, err = nil, fmt.Errorf("cannot be evaluated")
		}
	}()
	path, err := jp.ParseString(text)
	if err != nil {
		return nil, fmt.Errorf("is not a JSONPath: %s", short(err.Error()))
	}
	if len(path) == 0 || len(path) == 1 && isRoot(path[0]) {
		return nil, fmt.Errorf("selects the whole resource, which Envoy Gateway rejects")
	}
	found := path.Locate(doc, maxLocated+1)
	if len(found) > maxLocated {
		return nil, fmt.Errorf("matches more than %d places", maxLocated)
	}
	for _, l := range found {
		out = append(out, tokensOf(l))
	}
	slices.SortStableFunc(out, compareTokens) // maps have no order
	return out, nil
}

func isRoot(f jp.Frag) bool {
	_, is := f.(jp.Root)
	return is
}

func tokensOf(l jp.Expr) (out []string) {
	for _, f := range l {
		switch f := f.(type) {
		case jp.Child:
			out = append(out, string(f))
		case jp.Nth:
			out = append(out, strconv.Itoa(int(f)))
		}
	}
	return out
}

func compareTokens(a, b []string) int {
	return slices.CompareFunc(a, b, func(a, b string) int {
		n, first := index(a, 0)
		m, second := index(b, 0)
		if first && second {
			return cmp.Compare(n, m)
		}
		return cmp.Compare(a, b)
	})
}
