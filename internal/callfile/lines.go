package callfile

import (
	"bytes"
	"encoding/json"

	"github.com/egraft/egraft/pkg/mutator"
)

// lines reads a file in the form that [Marshal] writes, with one resource per line, and reports
// whether the file has this form. That takes a twentieth of the time of decoding JSON.
//
// Resources are not checked. If each of them is a JSON object, the file is the JSON it appears to
// be, because no line ends within a string. Otherwise, the file may be JSON in another form.
func lines(data []byte, f *File) bool {
	const begin = "\n\"resources\": {\n"
	at := bytes.Index(data, []byte(begin)) // not within a string: strings have no line breaks
	if at < 0 {
		return false
	}
	rest := data[at+len(begin):]
	resources := map[mutator.Kind][]json.RawMessage{}
	for more := true; more; {
		var kind mutator.Kind
		var list []json.RawMessage
		if kind, list, rest, more = linesOfKind(rest); list == nil || resources[kind] != nil {
			return false
		}
		resources[kind] = list
	}
	head, ok := bytes.CutSuffix(data[:at], []byte(","))
	if !ok || string(rest) != "}\n" {
		return false
	}
	if head = append(bytes.Clone(head), '}'); !json.Valid(head) || strict(head, f) != nil || f.Resources != nil || f.Calls != nil {
		return false
	}
	f.Resources = resources
	return true
}

// linesOfKind reads the resources of a kind, and reports whether more kinds follow. The list is nil
// if the text has another form.
func linesOfKind(text []byte) (kind mutator.Kind, list []json.RawMessage, rest []byte, more bool) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	name, ok := bytes.CutSuffix(line, []byte(": ["))
	if !ok || json.Unmarshal(name, &kind) != nil {
		return "", nil, nil, false
	}
	for {
		if line, rest, ok = bytes.Cut(rest, []byte("\n")); !ok || len(line) < 2 {
			return "", nil, nil, false
		}
		if before, is := bytes.CutSuffix(line, []byte("]}")); is { // the last resource of the last kind
			return kind, append(list, before), rest, false
		}
		if before, is := bytes.CutSuffix(line, []byte("],")); is {
			return kind, append(list, before), rest, true
		}
		before, is := bytes.CutSuffix(line, []byte(","))
		if !is {
			return "", nil, nil, false
		}
		list = append(list, before)
	}
}
