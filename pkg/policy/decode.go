package policy

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/json"
)

// decode reads an object into a T. It reads the spec, and any other fields of the kind, strictly: a
// misspelled field would silently have no effect. Metadata and status belong to the API server and
// Envoy Gateway: unknown metadata fields, which may be newer than T, are no error, and the status
// is not read.
func decode[T any](raw []byte) (*T, error) {
	known, own, err := split(raw)
	if err != nil {
		return nil, err
	}
	strict, err := json.UnmarshalStrict(own, new(T))
	if err == nil && len(strict) > 0 {
		err = strict[0]
	}
	if err != nil {
		return nil, err
	}
	obj := new(T)
	return obj, json.UnmarshalCaseSensitivePreserveInts(known, obj)
}

// split returns an object without its status, and the part of it that belongs to the kind.
func split(raw []byte) (known, own []byte, err error) {
	var of struct{ known, own [][]byte }
	seen := map[string]bool{}
	err = members(raw, func(name string, member []byte) error {
		switch name {
		case "status":
			return nil
		case "apiVersion", "kind", "metadata":
			if seen[name] {
				return fmt.Errorf("duplicate field %q", name)
			}
			seen[name] = true
		default:
			of.own = append(of.own, member)
		}
		of.known = append(of.known, member)
		return nil
	})
	return object(of.known), object(of.own), err
}

// members calls f with the members of a JSON object, in their order.
func members(raw []byte, f func(name string, member []byte) error) error {
	d := stdjson.NewDecoder(bytes.NewReader(raw))
	if brace, err := d.Token(); err != nil || brace != stdjson.Delim('{') {
		return errors.New("not an object")
	}
	for d.More() {
		var value stdjson.RawMessage
		name, err := d.Token()
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			return err
		}
		quoted, err := stdjson.Marshal(name)
		if err == nil {
			err = f(name.(string), slices.Concat(quoted, []byte(":"), value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func object(members [][]byte) []byte {
	return slices.Concat([]byte("{"), bytes.Join(members, []byte(",")), []byte("}"))
}
