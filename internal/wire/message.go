// Package wire reads and writes protocol buffer messages without decoding their content: the
// requests and responses of Envoy Gateway's extension service as lists of fields, and the name and
// metadata of a resource. It can also sort maps, so that equal content has equal bytes.
//
// Unmodified resources are returned byte for byte, including unknown fields. The package knows the
// wire format, but no message of Envoy Gateway or Envoy.
// https://protobuf.dev/programming-guides/encoding/
package wire

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is a length-delimited field: a message, bytes or a string.
type Field struct {
	Number protowire.Number
	Value  []byte
}

// Message holds the length-delimited fields of a message in order; it drops fields of other wire
// types.
type Message struct {
	Fields []Field

	parsed  []byte // the part of the input that could be parsed
	request []byte // parsed of the request to which this responds
}

// NewResponse returns an empty message that responds to m. The codec sends values that the response
// shares with m without copying, and overwrites their tags for that: m keeps its fields, but the
// bytes from which it was parsed change.
func (m *Message) NewResponse() *Message { return &Message{request: m.parsed} }

// Parse parses a message. The values are slices of data, which must not change afterwards, except
// through [Message.NewResponse].
func Parse(data []byte) (*Message, error) {
	m := &Message{}
	m.read(data, len(data))
	if err := m.unread(data); err != nil {
		return nil, err
	}
	return m, nil
}

// read continues parsing data, which starts with what was parsed before, and stops at what it
// cannot parse. If more data is to come, the next call may succeed there. size is the total size in
// bytes.
func (m *Message) read(data []byte, size int) {
	from := len(m.parsed)
	for end, f := range fieldsOf(data[from:]) {
		if f.Value != nil {
			if n := len(m.Fields); n == cap(m.Fields) {
				// Estimate the total number of fields from those read so far.
				m.Fields = slices.Grow(m.Fields, max(2, min(8*n, n*(size-from-end)/(from+end))+1))
			}
			m.Fields = append(m.Fields, f)
		}
		m.parsed = data[:from+end]
	}
}

// unread returns the reason why data was not parsed to its end, or nil.
func (m *Message) unread(data []byte) error {
	if len(m.parsed) == len(data) {
		return nil
	}
	f, n := consume(data[len(m.parsed):])
	if f.Number == 0 {
		return fmt.Errorf("read message: %w", protowire.ParseError(n))
	}
	return fmt.Errorf("read field %d: %w", f.Number, protowire.ParseError(n))
}

// All returns the values of a repeated field.
func (m *Message) All(num protowire.Number) [][]byte {
	n := 0
	for _, f := range m.Fields {
		if f.Number == num {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	values := make([][]byte, 0, n)
	for _, f := range m.Fields {
		if f.Number == num {
			values = append(values, f.Value)
		}
	}
	return values
}

// Merged returns the value of a singular message field, or nil if it is absent. It concatenates the
// values if the field occurs more than once, which is how the wire format merges messages.
func (m *Message) Merged(num protowire.Number) []byte {
	parts := m.All(num)
	if len(parts) <= 1 {
		if len(parts) == 0 {
			return nil
		}
		return parts[0]
	}
	var joined []byte
	for _, p := range parts {
		joined = append(joined, p...)
	}
	return joined
}

// Add appends a field for each value.
func (m *Message) Add(num protowire.Number, values ...[]byte) {
	m.Fields = slices.Grow(m.Fields, len(values))
	for _, v := range values {
		m.Fields = append(m.Fields, Field{num, v})
	}
}

// Size returns the number of bytes that [Message.Append] appends.
func (m *Message) Size() int {
	size := 0
	for _, f := range m.Fields {
		size += protowire.SizeTag(f.Number) + protowire.SizeBytes(len(f.Value))
	}
	return size
}

// Append appends the encoded message to b.
func (m *Message) Append(b []byte) []byte {
	for _, f := range m.Fields {
		b = protowire.AppendTag(b, f.Number, protowire.BytesType)
		b = protowire.AppendBytes(b, f.Value)
	}
	return b
}
