// Package wire reads and writes protocol buffer messages without decoding what is in
// them: the requests and answers of Envoy Gateway's extension service as lists of
// fields, and of a resource its name and metadata. It can also put maps in order, so that
// the same content is the same bytes.
//
// What no mutator wants is answered as the bytes it came in, unknown fields included.
// The package knows the wire format and no message of Envoy Gateway's or Envoy's.
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

// Message is the length-delimited fields of a message in their order; fields of other
// wire types are dropped.
type Message struct {
	Fields []Field

	parsed   []byte // what it was read from, as far as that could be read
	answered []byte // that of the message that it answers
}

// NewResponse returns a message without fields that is the answer to m. The codec sends the values
// that it has of m from where they are, and to that end gives them other tags there: m has its
// fields afterwards, and what it was read from is no more what it was.
func (m *Message) NewResponse() *Message { return &Message{answered: m.parsed} }

// Parse reads a message. The values are parts of data, which must not change any more, but for
// an [Message.NewResponse].
func Parse(data []byte) (*Message, error) {
	m := &Message{}
	m.read(data, len(data))
	if err := m.unread(data); err != nil {
		return nil, err
	}
	return m, nil
}

// read reads on in data, which begins with what was read before, up to what cannot be read: in
// a message of which more is to come, that may be the next time. It is size bytes as a whole.
func (m *Message) read(data []byte, size int) {
	from := len(m.parsed)
	for end, f := range fieldsOf(data[from:]) {
		if f.Value != nil {
			if n := len(m.Fields); n == cap(m.Fields) {
				// As many as there will be if they go on like this, which they need not.
				m.Fields = slices.Grow(m.Fields, max(2, min(8*n, n*(size-from-end)/(from+end))+1))
			}
			m.Fields = append(m.Fields, f)
		}
		m.parsed = data[:from+end]
	}
}

// unread is why not all of data was read.
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

// All returns the values of every field with the number: a repeated field.
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

// Merged returns the value of a singular message field, and nil if it is absent. Where
// the field is there several times its parts are joined, which is how the wire format
// merges messages.
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

// Size is the number of bytes that [Message.Append] appends.
func (m *Message) Size() int {
	size := 0
	for _, f := range m.Fields {
		size += protowire.SizeTag(f.Number) + protowire.SizeBytes(len(f.Value))
	}
	return size
}

// Append encodes the message at the end of b.
func (m *Message) Append(b []byte) []byte {
	for _, f := range m.Fields {
		b = protowire.AppendTag(b, f.Number, protowire.BytesType)
		b = protowire.AppendBytes(b, f.Value)
	}
	return b
}
