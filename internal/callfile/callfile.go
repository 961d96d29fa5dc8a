// Package callfile reads and writes Envoy Gateway's hook calls as YAML and JSON, in the format of
// the conformance kit's in.yaml. The kit's README describes the fields.
//
// It must not run anything.
package callfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
)

// File is one call, or several in the order in which Envoy Gateway makes them.
type File struct {
	Call
	Calls []Call `json:"calls,omitempty"`
}

// Call is a call, with messages in protobuf's JSON form.
type Call struct {
	Hook       mutator.Hook                       `json:"hook,omitempty"`
	Hostnames  []string                           `json:"hostnames,omitempty"`
	Objects    []json.RawMessage                  `json:"objects,omitempty"`
	Resources  map[mutator.Kind][]json.RawMessage `json:"resources,omitempty"`
	Unmodified bool                               `json:"unmodified,omitempty"`
	Metadata   *Metadata                          `json:"metadata,omitempty"`
}

// Step is a call of a file.
type Step struct {
	*engine.Call
	Unmodified bool   // as in the file
	At         string // prefix of its field names in errors, empty in a file with one call
	Metadata   Metadata
}

// Parse parses a file. Unknown fields are errors.
func Parse(data []byte) ([]Step, error) {
	var f File
	if lines(data, &f) {
		if s, err := f.step(""); err == nil {
			return []Step{s}, nil
		}
	}
	f = File{}
	if err := decode(data, &f); err != nil {
		return nil, err
	}
	if f.Calls == nil {
		s, err := f.step("")
		return []Step{s}, err
	}
	if !reflect.ValueOf(f.Call).IsZero() {
		return nil, errors.New("calls: the file also has fields of a call: move them into a call of the list")
	}
	var steps []Step
	for i := range f.Calls {
		s, err := f.Calls[i].step(fmt.Sprintf("calls[%d].", i))
		if err != nil {
			return nil, fmt.Errorf("calls[%d].%w", i, err)
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, errors.New("calls: is empty")
	}
	return steps, nil
}

// decode decodes JSON, which is a subset of YAML, as JSON: that takes a tenth of the time.
func decode(data []byte, f *File) error {
	if b := bytes.TrimLeft(data, " \t\r\n"); len(b) == 0 || b[0] != '{' || !json.Valid(b) {
		return yaml.UnmarshalStrict(data, f)
	}
	return strict(data, f)
}

func strict(data []byte, f *File) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(f)
}

func (f *Call) step(at string) (Step, error) {
	call, err := f.engine()
	s := Step{Call: call, Unmodified: f.Unmodified, At: at}
	if f.Metadata != nil {
		s.Metadata = *f.Metadata
	}
	return s, err
}

func (f *Call) engine() (*engine.Call, error) {
	if !slices.Contains(mutator.Hooks(), f.Hook) {
		return nil, fmt.Errorf("hook: there is no hook %q; the hooks are %v", f.Hook, mutator.Hooks())
	}
	call := &engine.Call{Hook: f.Hook, Hostnames: f.Hostnames}
	for _, o := range f.Objects {
		call.Objects = append(call.Objects, o)
	}
	for _, k := range Kinds() {
		list := engine.Resources{Kind: k, Encoded: make([][]byte, len(f.Resources[k]))}
		err := each(len(list.Encoded), func(i int) (err error) {
			list.Encoded[i], err = encode(k, f.Resources[k][i])
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("resources.%s%w", k, err)
		}
		if len(list.Encoded) > 0 {
			call.Resources = append(call.Resources, list)
		}
		delete(f.Resources, k)
	}
	for k := range f.Resources {
		return nil, fmt.Errorf("resources: there is no kind %q; the kinds are %v", k, Kinds())
	}
	return call, nil
}

func encode(k mutator.Kind, r json.RawMessage) ([]byte, error) {
	m, err := NewMessage(k)
	if err != nil {
		return nil, err
	}
	if err := (protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(r, m); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}
