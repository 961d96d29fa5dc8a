package explain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Subject is what to explain.
type Subject struct {
	// Kind is Gateway, HTTPRoute, GRPCRoute, [ClusterKind], the kind of a custom resource, or empty
	// for all custom resources.
	Kind string
	// Group is the group of a custom resource, if it was given.
	Group string
	// Namespace and Name are empty for all objects of the kind. A cluster has no namespace.
	Namespace, Name string
}

// ClusterKind is the kind of Envoy clusters.
const ClusterKind = "Cluster"

// String returns the subject as a user would type it.
func (s Subject) String() string {
	kind := strings.ToLower(s.Kind)
	if s.Group != "" {
		kind += "." + s.Group
	}
	switch {
	case s.Kind == "":
		return "all"
	case s.Name == "":
		return kind
	case s.Namespace == "":
		return kind + "/" + s.Name
	}
	return kind + "/" + s.Namespace + "/" + s.Name
}

// IsPolicy reports whether the subject consists of custom resources.
func (s Subject) IsPolicy() bool { return !slices.Contains(ownKinds, s.Kind) }

var ownKinds = []string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute, ClusterKind}

// Kinds returns the kinds of the features' custom resources.
func Kinds(features []mutator.Feature) (kinds []schema.GroupVersionKind) {
	for i := range features {
		for _, k := range slices.Concat(features[i].Policies, features[i].Filters, features[i].Backends) {
			kinds = append(kinds, k.GroupVersionKind)
		}
	}
	return kinds
}

// ParseSubject reads what to explain, in the forms of kubectl: KIND/NAMESPACE/NAME, cluster/NAME,
// or KIND for all objects of the kind; the parts may be separate arguments. Kinds may be in lower
// case, in the plural, and followed by a dot and their group. Without arguments, the subject is all
// custom resources.
func ParseSubject(args []string, kinds []schema.GroupVersionKind) (Subject, error) {
	text := strings.Join(args, "/")
	if text == "" || text == "all" {
		return Subject{}, nil
	}
	word, rest, named := strings.Cut(text, "/")
	s, ok := kindOf(word, kinds)
	if !ok {
		return Subject{}, unknownKind(word, kinds)
	}
	if s.Kind == ClusterKind {
		s.Name = rest
	} else {
		s.Namespace, s.Name, _ = strings.Cut(rest, "/")
	}
	if named && (s.Name == "" || s.Kind != ClusterKind && (s.Namespace == "" || strings.Contains(s.Name, "/"))) {
		form := "/NAMESPACE/NAME"
		if s.Kind == ClusterKind {
			form = "/NAME"
		}
		return Subject{}, fmt.Errorf("%q is not a subject: use %s%s", text, strings.ToLower(s.Kind), form)
	}
	return s, nil
}

// kindOf returns the kind that a word stands for.
func kindOf(word string, kinds []schema.GroupVersionKind) (Subject, bool) {
	name, group, _ := strings.Cut(word, ".")
	for _, k := range ownKinds {
		if group == "" && isKind(name, k) {
			return Subject{Kind: k}, true
		}
	}
	for _, k := range kinds {
		if isKind(name, k.Kind) && (group == "" || strings.EqualFold(group, k.Group)) {
			return Subject{Kind: k.Kind, Group: group}, true
		}
	}
	return Subject{}, false
}

// isKind reports whether a word is the kind or its plural.
func isKind(word, kind string) bool {
	kind, word = strings.ToLower(kind), strings.ToLower(word)
	plural := kind + "s"
	if stem, ok := strings.CutSuffix(kind, "y"); ok && !strings.HasSuffix(kind, "ay") {
		plural = stem + "ies"
	}
	return word == kind || word == plural
}

func unknownKind(word string, kinds []schema.GroupVersionKind) error {
	var known []string
	for _, k := range kinds {
		known = append(known, strings.ToLower(k.Kind))
	}
	for _, k := range ownKinds {
		known = append(known, strings.ToLower(k))
	}
	known = slices.Compact(known)
	if near := Nearest(strings.ToLower(word), known, 1); len(near) > 0 {
		return fmt.Errorf("there is no kind %q: did you mean %s? The kinds are %s", word, near[0], strings.Join(known, ", "))
	}
	return fmt.Errorf("there is no kind %q: the kinds are %s, without the kinds of disabled features", word, strings.Join(known, ", "))
}
