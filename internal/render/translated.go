package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// newTranslated reads the output of `egctl x translate --to xds`: a config dump, or a part of one,
// for each Gateway.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/cmd/egctl/translate.go
func newTranslated(xds map[string]json.RawMessage) (*Dump, error) {
	if len(xds) != 1 {
		return nil, fmt.Errorf("xds has %d Gateways: render one at a time", len(xds))
	}
	for _, raw := range xds {
		var dump struct{ Configs []json.RawMessage }
		if err := json.Unmarshal(raw, &dump); err != nil {
			return nil, errors.New("xds: is not a config dump")
		}
		if dump.Configs == nil {
			dump.Configs = []json.RawMessage{raw} // with one type of resources
		}
		return newDump(dump.Configs)
	}
	return nil, nil
}

// UnmarshalJSON accepts field names as Envoy prints them, and as Envoy Gateway does.
func (e *entry) UnmarshalJSON(text []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return errors.New("an entry is not an object")
	}
	snake := make(map[string]json.RawMessage, len(fields))
	for name, value := range fields {
		snake[snakeCase(name)] = value
	}
	text, err := json.Marshal(snake)
	if err != nil {
		return err
	}
	type plain entry
	return json.Unmarshal(text, (*plain)(e))
}

func snakeCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// places matches the position of an error, and unknown the unknown field or message.
var (
	places  = regexp.MustCompile(`\(line \d+:\d+\)`)
	unknown = regexp.MustCompile(`(unknown field|unable to resolve) "[A-Za-z0-9_./]{1,200}"`)
)

// unquoted removes quoted input from a decoder error, because it can be a secret. It keeps the
// position, and the name of an unknown field or message.
func unquoted(err error) error {
	text := "does not match Envoy's API"
	if what := unknown.FindString(err.Error()); what != "" {
		text += ": " + what
	}
	if place := places.FindString(err.Error()); place != "" {
		text += " " + place
	}
	return errors.New(text)
}
