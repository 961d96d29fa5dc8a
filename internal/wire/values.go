package wire

import (
	"bytes"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Values ranges over the length-delimited fields of a message in order, and stops where the message
// is malformed.
func Values(data []byte) iter.Seq2[protowire.Number, []byte] {
	return func(yield func(protowire.Number, []byte) bool) {
		for _, f := range fieldsOf(data) {
			if f.Value != nil && !yield(f.Number, f.Value) {
				return
			}
		}
	}
}

// fieldsOf ranges over all fields of a message with the end offset of each, and stops where the
// message is malformed. The value of a field is nil if it is not length-delimited.
func fieldsOf(data []byte) iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for at := 0; at < len(data); {
			f, end := shortField(data, at)
			if end == 0 {
				n := 0
				if f, n = consume(data[at:]); n < 0 {
					return
				}
				end = at + n
			}
			if !yield(end, f) {
				return
			}
			at = end
		}
	}
}

// shortField parses a field whose tag and length, or number, take at most two bytes each, as nearly
// all do. The end is 0 for other fields and for the last few bytes of the message.
func shortField(data []byte, at int) (f Field, end int) {
	if at+4 > len(data) {
		return f, 0
	}
	const more = 0x80 // set in all bytes of a varint except the last
	tag := uint(data[at])
	if at++; tag >= more {
		tag = tag&^more | uint(data[at])<<7
		at++
	}
	number := uint(data[at])
	if at++; number >= more {
		number = number&^more | uint(data[at])<<7
		at++
	}
	if tag < 1<<3 || tag >= 1<<14 || number >= 1<<14 {
		return f, 0
	}
	f.Number = protowire.Number(tag >> 3)
	switch protowire.Type(tag & 7) {
	case protowire.VarintType:
		return f, at
	case protowire.BytesType:
		if end := at + int(number); end <= len(data) {
			f.Value = data[at:end:end]
			return f, end
		}
	}
	return f, 0
}

// consume parses any field and returns its size. If the field is malformed, the size is an error of
// protowire, and the number is 0 if the tag is malformed.
func consume(b []byte) (Field, int) {
	num, typ, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return Field{}, tag
	}
	size := protowire.ConsumeFieldValue(num, typ, b[tag:])
	if size < 0 {
		return Field{Number: num}, size
	}
	f := Field{Number: num}
	if typ == protowire.BytesType {
		value, _ := protowire.ConsumeBytes(b[tag:])
		f.Value = slices.Clip(value)
	}
	return f, tag + size
}

// Replace returns the message with the values of a field replaced. All other bytes and the order
// stay the same. It returns data itself if no value changes or data is malformed.
func Replace(data []byte, num protowire.Number, with func(value []byte) []byte) []byte {
	var out []byte
	at, copied := 0, 0 // offsets in data
	for end, f := range fieldsOf(data) {
		if f.Number == num && f.Value != nil {
			if now := with(f.Value); !bytes.Equal(now, f.Value) {
				out = append(out, data[copied:at]...)
				out = protowire.AppendTag(out, num, protowire.BytesType)
				out = protowire.AppendBytes(out, now)
				copied = end
			}
		}
		at = end
	}
	if at < len(data) || copied == 0 {
		return data
	}
	return append(out, data[copied:]...)
}
