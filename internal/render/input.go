// Package render runs hook calls without Envoy Gateway: the calls in files, and those that Envoy
// Gateway would make for the resources in an Envoy's config dump.
//
// It must not read files or print anything.
package render

import (
	"encoding/json"
	"errors"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/objectfile"
)

// Input is the content of files.
type Input struct {
	// Objects are custom resources.
	Objects []*objectfile.Object
	// Calls are hook calls in order.
	Calls []callfile.Step
	// Dump is the content of a config dump, nil if there is none.
	Dump *Dump
}

// Read adds the content of a file: YAML or JSON, with one or more documents.
func (in *Input) Read(data []byte) error { return objectfile.Documents(data, in.document) }

func (in *Input) document(text []byte) (err error) {
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
	case shape.APIVersion != "" && shape.Kind != "":
		o, err := objectfile.Parse(text)
		in.Objects = append(in.Objects, o)
		return err
	case shape.Hook != nil || shape.Calls != nil:
		calls, err := callfile.Parse(text)
		in.Calls = append(in.Calls, calls...)
		return err
	case (shape.Configs != nil || shape.Xds != nil) && in.Dump != nil:
		return errors.New("there is more than one config dump: render one Envoy at a time")
	case shape.Xds != nil:
		in.Dump, err = newTranslated(shape.Xds)
		return err
	case shape.Configs != nil:
		in.Dump, err = newDump(shape.Configs)
		return err
	}
	return errors.New("is neither a custom resource (apiVersion and kind) nor a file of calls (hook or calls) nor a config dump (configs) nor the output of egctl x translate (xds)")
}
