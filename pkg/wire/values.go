package wire

import (
	"bytes"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Values ranges over the length-delimited fields of a message in their order, and ends
// where it cannot be read.
func Values(data []byte) iter.Seq2[protowire.Number, []byte] {
	return func(yield func(protowire.Number, []byte) bool) {
		for len(data) > 0 {
			num, value, n := consume(data)
			if n < 0 || value != nil && !yield(num, value) {
				return
			}
			data = data[n:]
		}
	}
}

// consume reads a field: its number, its value, nil if it is not length-delimited, and its
// size. A field that cannot be read has an error of protowire instead of a size, and no number
// if that is what cannot be read.
func consume(b []byte) (protowire.Number, []byte, int) {
	if tag, at := short(b); tag>>3 > 0 { // nearly all tags and lengths are
		number, n := short(b[at:])
		switch protowire.Type(tag & 7) {
		case protowire.BytesType:
			if from, to := at+n, at+n+number; n > 0 && to <= len(b) {
				return protowire.Number(tag >> 3), b[from:to:to], to
			}
		case protowire.VarintType:
			if n > 0 {
				return protowire.Number(tag >> 3), nil, at + n
			}
		}
	}
	num, typ, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return 0, nil, tag
	}
	if typ != protowire.BytesType {
		n := protowire.ConsumeFieldValue(num, typ, b[tag:])
		if n < 0 {
			return num, nil, n
		}
		return num, nil, tag + n
	}
	value, n := protowire.ConsumeBytes(b[tag:])
	if n < 0 {
		return num, nil, n
	}
	return num, value, tag + n
}

// short reads a number of one or two bytes, and says of how many: 0 if it has more, or if b ends
// before.
func short(b []byte) (number, n int) {
	const more = 0x80 // a number goes on behind such a byte
	switch {
	case len(b) > 0 && b[0] < more:
		return int(b[0]), 1
	case len(b) > 1 && b[1] < more:
		return int(b[0]&^more) | int(b[1])<<7, 2
	default:
		return 0, 0
	}
}

// Replace returns the message with the values of a field replaced. Everything else stays
// the bytes and in the order that it is. The answer is data itself if nothing is replaced
// by other bytes, and if data cannot be read.
func Replace(data []byte, num protowire.Number, with func(value []byte) []byte) []byte {
	var out []byte
	copied := 0 // of data
	for at := 0; at < len(data); {
		n, typ, tag := protowire.ConsumeTag(data[at:])
		if tag < 0 {
			return data
		}
		length := protowire.ConsumeFieldValue(n, typ, data[at+tag:])
		if length < 0 {
			return data
		}
		end := at + tag + length
		if n == num && typ == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data[at+tag:])
			if now := with(value); !bytes.Equal(now, value) {
				out = append(out, data[copied:at+tag]...)
				out = protowire.AppendBytes(out, now)
				copied = end
			}
		}
		at = end
	}
	if copied == 0 {
		return data
	}
	return append(out, data[copied:]...)
}
