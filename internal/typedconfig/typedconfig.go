// Package typedconfig reads the configuration of Envoy extensions, which users write as protobuf
// JSON with an @type, and checks it against the message: field names, value types, and the rules
// that Envoy validates when it loads the message.
//
// It reports each fault with the path of the field. It must not know the meaning of a message, and
// does not decide who may use it.
package typedconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyapi"
)

// URLPrefix is the prefix of a message name in an @type.
const URLPrefix = "type.googleapis.com/"

// typeKey is the member of a JSON object that names its message.
const typeKey = "@type"

// maxDepth keeps messages well below the 100 levels that protobuf reads in C++: a level of JSON can
// be three levels of messages.
// https://protobuf.dev/programming-guides/encoding/#size-limit
const maxDepth = 24

// types resolves the messages of Envoy's API.
var types envoyapi.Types

// Read reads a message and checks it. The errors name fields below at.
func Read(raw []byte, at *field.Path) (proto.Message, field.ErrorList) {
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be an object with "+typeKey)}
	}
	t, err := messageType(members, at)
	if err != nil {
		return nil, field.ErrorList{err}
	}
	if errs := (&schema{}).object(t.Descriptor(), members, at, 0); len(errs) > 0 {
		return nil, errs
	}
	delete(members, typeKey)
	m := t.New().Interface()
	if err := unmarshal(members, m); err != nil {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, err.Error())}
	}
	if errs := rulesOf(m.ProtoReflect(), at); len(errs) > 0 {
		return nil, errs
	}
	return m, nil
}

// Name returns the message that a JSON object names in its @type, "" if it names none.
func Name(raw []byte) string {
	var typed struct {
		Type string `json:"@type"`
	}
	if json.Unmarshal(raw, &typed) != nil {
		return ""
	}
	return strings.TrimPrefix(typed.Type, URLPrefix)
}

// messageType resolves the @type of an object.
func messageType(members map[string]any, at *field.Path) (protoreflect.MessageType, *field.Error) {
	url, ok := members[typeKey].(string)
	if !ok || url == "" {
		return nil, field.Required(at.Child(typeKey), "name the message, such as "+URLPrefix+"envoy.extensions.filters.http.csrf.v3.CsrfPolicy")
	}
	name, ok := strings.CutPrefix(url, URLPrefix)
	if !ok {
		return nil, field.Invalid(at.Child(typeKey), shortened(url), "must begin with "+URLPrefix)
	}
	t, err := types.FindMessageByURL(url)
	if err != nil {
		return nil, field.Invalid(at.Child(typeKey), shortened(name), "is not a message of Envoy's API"+DidYouMean(name, envoyapi.Extensions()))
	}
	return t, nil
}

// unmarshal reads a value of JSON into a message.
func unmarshal(value any, m proto.Message) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := (protojson.UnmarshalOptions{Resolver: types}).Unmarshal(raw, m); err != nil {
		return errors.New(plain(err))
	}
	return nil
}

// plain returns an error of protojson without the position, which is not one in the user's text,
// and with normal spaces: they differ from build to build.
func plain(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	text = strings.TrimPrefix(text, "proto: ")
	if strings.HasPrefix(text, "(line ") || strings.HasPrefix(text, "syntax error (line ") {
		_, text, _ = strings.Cut(text, "): ")
	}
	return shortened(text)
}

// maxQuoted limits how much of a user's text is quoted.
const maxQuoted = 128

func shortened(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	return strings.ToValidUTF8(text[:maxQuoted], "") + "…"
}

func tooDeep(at *field.Path) *field.Error {
	return field.Invalid(at, field.OmitValueType{}, fmt.Sprintf("is nested more than %d levels deep", maxDepth))
}
