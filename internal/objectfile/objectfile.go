// Package objectfile reads the parts of custom resources in files that determine hook calls: their
// identity and their targets.
//
// It must not validate them, as pkg/policy does, and must not quote its input, which can be anything.
package objectfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/xds"
)

// Object is a custom resource.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		TargetRef       *Target  `json:"targetRef"`
		TargetRefs      []Target `json:"targetRefs"`
		TargetSelectors []Target `json:"targetSelectors"`
	} `json:"spec"`

	// JSON is the whole object, as in the file.
	JSON []byte `json:"-"`
}

// Target is a Gateway API object, or a section of it, in the namespace of the custom resource.
type Target struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName"`
}

// String returns "Kind namespace/name", as in outcomes.
func (o *Object) String() string {
	return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
}

// GVK returns the kind with its group and version.
func (o *Object) GVK() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)
}

// Targets returns the targets that are given by name.
func (o *Object) Targets() []Target {
	if o.Spec.TargetRef == nil {
		return o.Spec.TargetRefs
	}
	return append([]Target{*o.Spec.TargetRef}, o.Spec.TargetRefs...)
}

// IsOnRoute reports whether a target is a route, or a rule of it, from which an xDS route was generated.
func (o *Object) IsOnRoute(refs []xds.Reference) bool {
	return slices.ContainsFunc(o.Targets(), func(t Target) bool {
		return slices.ContainsFunc(refs, func(ref xds.Reference) bool {
			return ref.Kind != xds.KindGateway && ref.Kind == t.Kind && ref.Namespace == o.Metadata.Namespace && ref.Name == t.Name &&
				(t.SectionName == "" || t.SectionName == ref.SectionName)
		})
	})
}

// Read reads custom resources from YAML or JSON, with one or more documents. Those without a
// namespace get the given one.
func Read(data []byte, namespace string) (all []*Object, err error) {
	return all, Documents(data, func(text []byte) error {
		o, err := Parse(text)
		if err != nil {
			return err
		}
		if o.Metadata.Namespace == "" {
			o.Metadata.Namespace = namespace
		}
		all = append(all, o)
		return nil
	})
}

// Parse parses a custom resource in JSON.
func Parse(text []byte) (*Object, error) {
	o := &Object{JSON: text}
	if json.Unmarshal(text, o) != nil || o.APIVersion == "" || o.Kind == "" || o.Metadata.Name == "" {
		return nil, errors.New("is not a custom resource: it must have apiVersion, kind and metadata.name")
	}
	return o, nil
}

// Documents calls a function with the content of each document as JSON. It skips documents that
// have only comments. Errors contain the number of the document.
func Documents(data []byte, each func(text []byte) error) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = one(document, each)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", i, err)
		}
	}
}

func one(document []byte, each func(text []byte) error) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return errors.New("is not valid YAML or JSON")
	}
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		return nil
	}
	return each(text)
}
