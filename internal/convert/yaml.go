package convert

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// first are the fields that are written first, in this order; all others follow by name.
var first = []string{"@type", "apiVersion", "group", "kind", "metadata", "name", "namespace", "targetRefs", "select", "when", "path"}

// asYAML formats JSON as YAML.
func asYAML(text []byte) ([]byte, error) {
	doc, err := decode(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(node(doc)); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

func node(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.SortedFunc(maps.Keys(v), readingOrder) {
			n.Content = append(n.Content, scalarNode(name), node(v[name]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, e := range v {
			n.Content = append(n.Content, node(e))
		}
		return n
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	}
	return scalarNode(v)
}

func scalarNode(v any) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	if isYAML11Bool(v) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// isYAML11Bool reports whether YAML 1.1 parsers read a string as a boolean.
func isYAML11Bool(v any) bool {
	text, is := v.(string)
	return is && slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(text))
}

func readingOrder(a, b string) int {
	i, j := slices.Index(first, a), slices.Index(first, b)
	switch {
	case i >= 0 && j >= 0:
		return i - j
	case i >= 0:
		return -1
	case j >= 0:
		return 1
	}
	return strings.Compare(a, b)
}
