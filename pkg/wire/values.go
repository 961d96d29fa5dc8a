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
			num, typ, n := protowire.ConsumeTag(data)
			if n < 0 {
				return
			}
			data = data[n:]
			if n = protowire.ConsumeFieldValue(num, typ, data); n < 0 {
				return
			}
			if typ == protowire.BytesType {
				value, _ := protowire.ConsumeBytes(data)
				if !yield(num, value) {
					return
				}
			}
			data = data[n:]
		}
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
