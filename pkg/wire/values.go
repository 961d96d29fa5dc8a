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
// size, which is negative if it cannot be read.
func consume(b []byte) (protowire.Number, []byte, int) {
	const long = 0x80 // a byte of a number that goes on
	if len(b) >= 2 && b[0] < long && b[1] < long && protowire.Type(b[0]&7) == protowire.BytesType {
		if size := 2 + int(b[1]); b[0] >= 8 && size <= len(b) { // most fields are short ones
			return protowire.Number(b[0] >> 3), b[2:size:size], size
		}
	}
	num, typ, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return 0, nil, tag
	}
	if typ != protowire.BytesType {
		if n := protowire.ConsumeFieldValue(num, typ, b[tag:]); n >= 0 {
			return num, nil, tag + n
		}
		return 0, nil, -1
	}
	value, n := protowire.ConsumeBytes(b[tag:])
	if n < 0 {
		return 0, nil, n
	}
	return num, value, tag + n
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
