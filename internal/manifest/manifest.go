// Package manifest generates the Kubernetes manifests of a program with certain features: their
// CRDs, the permissions that Envoy Gateway and egraft need for them, and the kustomization that
// adds the program to Envoy Gateway's pod.
//
// It returns texts, and must not write files or connect to anything.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// File is a manifest with its path in a directory.
type File struct{ Path, Text string }

// CRD is a CustomResourceDefinition.
type CRD struct {
	Group, Kind, Plural string
	// Text is the CRD in YAML, as its author wrote it.
	Text string
}

// ParseCRDs parses a file with one or more CRDs.
func ParseCRDs(file []byte) (out []CRD, err error) {
	for _, text := range bytes.SplitAfter(append([]byte("\n"), file...), []byte("\n---\n")) {
		text = bytes.TrimSuffix(text, []byte("\n---\n"))
		var crd struct {
			Kind string
			Spec struct {
				Group string
				Names struct{ Kind, Plural string }
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return nil, fmt.Errorf("read a CRD: %w", err)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		s := crd.Spec
		if crd.Kind != "CustomResourceDefinition" || s.Group == "" || s.Names.Kind == "" || s.Names.Plural == "" {
			return nil, errors.New("read a CRD: a document is not of kind CustomResourceDefinition, with group and names in its spec")
		}
		out = append(out, CRD{s.Group, s.Names.Kind, s.Names.Plural, "---\n" + strings.TrimSpace(string(text)) + "\n"})
	}
	return out, nil
}

// Build is a program with certain features.
type Build struct {
	resources []resource
}

// resource is a custom resource that a feature reads.
type resource struct {
	schema.GroupVersionKind
	plural string
	// policy is true for a policy, whose status Envoy Gateway writes, and conditions for a filter
	// or backend whose status egraft writes.
	policy, conditions bool
	crd                *CRD
}

// New returns a build with the given features. CRDs of other custom resources are ignored.
func New(features []mutator.Feature, crds []CRD) *Build {
	b := &Build{}
	for i := range features {
		f := &features[i]
		b.add(f.Policies, true, crds)
		b.add(slices.Concat(f.Filters, f.Backends), false, crds)
	}
	slices.SortFunc(b.resources, func(x, y resource) int { return strings.Compare(x.name(), y.name()) })
	return b
}

func (b *Build) add(kinds []policy.Kind, policies bool, crds []CRD) {
	for _, k := range kinds {
		r := resource{GroupVersionKind: k.GroupVersionKind, policy: policies, conditions: k.HasConditions(), plural: k.Resource()}
		if at := slices.IndexFunc(crds, func(c CRD) bool { return c.Group == k.Group && c.Kind == k.Kind }); at >= 0 {
			r.crd, r.plural = &crds[at], crds[at].Plural
		}
		if r.plural == "" {
			guess, _ := meta.UnsafeGuessKindToResource(k.GroupVersionKind)
			r.plural = guess.Resource
		}
		b.resources = append(b.resources, r)
	}
}

// name returns the sort key of resources and the name of the CRD's file, as in controller-gen.
func (r *resource) name() string { return r.Group + "_" + r.plural }

// Missing returns the kinds of custom resources without a CRD, as Kind.group.
func (b *Build) Missing() (out []string) {
	for _, r := range b.resources {
		if r.crd == nil {
			out = append(out, r.Kind+"."+r.Group)
		}
	}
	return out
}

// CRDs returns the CRDs, each in its own file, and their kustomization.
func (b *Build) CRDs() []File {
	var out []File
	index := kustomization("# kubectl apply --server-side -k crds\n")
	for _, r := range b.resources {
		if r.crd != nil {
			out = append(out, File{r.name() + ".yaml", r.crd.Text})
			index += "  - " + r.name() + ".yaml\n"
		}
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, File{"kustomization.yaml", index})
}

// kustomization returns the beginning of a kustomization with resources.
func kustomization(comment string) string {
	return comment + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
}
