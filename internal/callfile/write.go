package callfile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
)

// Marshal encodes a call as JSON, with one resource per line, so that people can search and compare
// files. [Parse] reads it. The same call results in the same bytes.
//
// It does not redact secrets in the resources.
func Marshal(call *engine.Call, meta *Metadata) ([]byte, error) {
	w := &writer{}
	w.field("hook", call.Hook)
	if meta != nil {
		w.field("metadata", meta)
	}
	if len(call.Hostnames) > 0 {
		w.field("hostnames", call.Hostnames)
	}
	if len(call.Objects) > 0 {
		w.key("objects")
		w.list(objects(call.Objects))
	}
	w.resources(call)
	if w.err != nil {
		return nil, w.err
	}
	w.WriteString("\n}\n")
	return w.Bytes(), nil
}

// objects returns custom resources in one line each. Invalid JSON is written as a string, which is
// not a valid custom resource either.
func objects(raw [][]byte) [][]byte {
	out := make([][]byte, len(raw))
	for i, o := range raw {
		var b bytes.Buffer
		if json.Compact(&b, o) == nil {
			out[i] = b.Bytes()
		} else {
			out[i], _ = json.Marshal(string(o)) // marshalling a string cannot fail
		}
	}
	return out
}

type writer struct {
	bytes.Buffer
	err error // the first error
}

// key starts a field.
func (w *writer) key(name string) {
	if w.Len() == 0 {
		w.WriteString("{\n")
	} else {
		w.WriteString(",\n")
	}
	fmt.Fprintf(w, "%q: ", name)
}

func (w *writer) field(name string, value any) {
	w.key(name)
	b, err := json.Marshal(value)
	w.Write(b)
	w.fail(err)
}

// list writes elements in one line each.
func (w *writer) list(elements [][]byte) {
	w.WriteByte('[')
	for i, e := range elements {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteByte('\n')
		w.Write(e)
	}
	w.WriteString("]")
}

// resources writes the resources by kind. It joins several lists of the same kind.
func (w *writer) resources(call *engine.Call) {
	sep := "{\n"
	for _, k := range Kinds() {
		var all [][]byte
		for _, list := range call.Resources {
			if list.Kind == k {
				all = append(all, list.Encoded...)
			}
		}
		if len(all) == 0 {
			continue
		}
		if sep[0] == '{' {
			w.key("resources")
		}
		fmt.Fprintf(w, "%s%q: ", sep, k)
		sep = ",\n"
		lines := make([][]byte, len(all))
		err := each(len(all), func(i int) (err error) {
			lines[i], err = line(k, all[i])
			return err
		})
		if err != nil {
			w.fail(fmt.Errorf("resources.%s%w", k, err))
		}
		w.list(lines)
	}
	if sep[0] == ',' {
		w.WriteByte('}')
	}
}

// line returns a resource in one line.
func line(k mutator.Kind, raw []byte) ([]byte, error) {
	m, err := Decode(k, raw)
	if err != nil {
		return nil, err
	}
	b, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}, AllowPartial: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson varies its whitespace on purpose
	out.Grow(len(b))
	err = json.Compact(&out, b)
	return out.Bytes(), err
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
