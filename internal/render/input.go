// Package render runs hook calls without Envoy Gateway: of files of calls, and those that Envoy
// Gateway would make for what an Envoy has in its config dump.
//
// It must not read files, and prints nothing.
package render

import (
	"encoding/json"
	"errors"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/objectfile"
)

// Input is what files have.
type Input struct {
	// Objects are custom resources.
	Objects []*objectfile.Object
	// Calls are hook calls in their order.
	Calls []callfile.Step
	// Dump is the content of a config dump, nil without one.
	Dump *Dump
}

// Read adds what is in a file: YAML or JSON, of one document or several.
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
