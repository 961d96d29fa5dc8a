// Package render runs hook calls without Envoy Gateway: of files of calls, and those that Envoy
// Gateway would make for what an Envoy has in its config dump.
//
// It must not read files, and prints nothing.
package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
)

// Input is what files have.
type Input struct {
	// Objects are custom resources.
	Objects []*Object
	// Calls are hook calls in their order.
	Calls []callfile.Step
	// Dump is the content of a config dump, nil without one.
	Dump *Dump
}

// Object is a custom resource as far as it decides about calls.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		TargetRef       *target  `json:"targetRef"`
		TargetRefs      []target `json:"targetRefs"`
		TargetSelectors []target `json:"targetSelectors"`
	} `json:"spec"`

	raw []byte
}

type target struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName"`
}

// String is "Kind namespace/name", as outcomes have it.
func (o *Object) String() string {
	return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
}

func (o *Object) gvk() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)
}

func (o *Object) targets() []target {
	if o.Spec.TargetRef == nil {
		return o.Spec.TargetRefs
	}
	return append([]target{*o.Spec.TargetRef}, o.Spec.TargetRefs...)
}

// Read adds what is in a file: YAML or JSON, of one document or several.
func (in *Input) Read(data []byte) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = in.document(document)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", i, err)
		}
	}
}

func (in *Input) document(data []byte) error {
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		return errors.New("is not valid YAML or JSON") // the input can be a secret, and is not quoted
	}
	var shape struct {
		APIVersion, Kind string
		Hook, Calls      json.RawMessage
		Configs          []json.RawMessage
		Xds              map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &shape); err != nil {
		return err
	}
	switch {
	case bytes.Equal(bytes.TrimSpace(text), []byte("null")):
		return nil // nothing but comments
	case shape.APIVersion != "" && shape.Kind != "":
		return in.object(text)
	case shape.Hook != nil || shape.Calls != nil:
		calls, err := callfile.Parse(text)
		in.Calls = append(in.Calls, calls...)
		return err
	case (shape.Configs != nil || shape.Xds != nil) && in.Dump != nil:
		return errors.New("a second config dump: render one Envoy at a time")
	case shape.Xds != nil:
		in.Dump, err = newTranslated(shape.Xds)
		return err
	case shape.Configs != nil:
		in.Dump, err = newDump(shape.Configs)
		return err
	}
	return errors.New("is neither a custom resource (apiVersion and kind) nor a file of calls (hook or calls) nor a config dump (configs) nor the output of egctl x translate (xds)")
}

func (in *Input) object(text []byte) error {
	o := &Object{raw: text}
	if err := json.Unmarshal(text, o); err != nil {
		return err
	}
	in.Objects = append(in.Objects, o)
	return nil
}
