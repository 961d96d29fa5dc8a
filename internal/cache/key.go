package cache

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Key is the key of a [Table]: a struct with everything that its values depend on.
type Key interface {
	// AddTo adds each field to f. Keys of one type must add the same fields in the same order. Add
	// lists with [Fields.Strings] or [Fields.BytesList], or add their length first.
	AddTo(f *Fields)
}

// Fields are the encoded fields of a key. Numbers are self-delimiting varints, and everything else
// is preceded by its length, so two keys of a type have the same encoding only if all fields are
// equal.
type Fields struct {
	// small is the encoding except the bytes of [Fields.Bytes], which are not copied. The part from
	// pieced on is not yet in pieces.
	small  []byte
	pieced int
	pieces [][]byte
	last   int // length of the last field if it was added by Fields.Bytes
}

// Uint adds a number.
func (f *Fields) Uint(v uint64) {
	f.small, f.last = binary.AppendUvarint(f.small, v), 0
}

// Bool adds a boolean.
func (f *Fields) Bool(v bool) {
	var b byte
	if v {
		b = 1
	}
	f.small, f.last = append(f.small, b), 0
}

// String adds a text.
func (f *Fields) String(s string) {
	f.Uint(uint64(len(s)))
	f.small = append(f.small, s...)
}

// Strings adds a list of texts.
func (f *Fields) Strings(list []string) {
	f.Uint(uint64(len(list)))
	for _, s := range list {
		f.String(s)
	}
}

// Bytes adds bytes, which must not change until the lookup is done.
func (f *Fields) Bytes(b []byte) {
	f.Uint(uint64(len(b)))
	f.endPiece()
	f.pieces, f.last = append(f.pieces, b), len(b)
}

// BytesList adds a list of bytes as [Fields.Bytes] does.
func (f *Fields) BytesList(list [][]byte) {
	f.Uint(uint64(len(list)))
	for _, b := range list {
		f.Bytes(b)
	}
}

// endPiece makes a piece of what was added since the last piece.
func (f *Fields) endPiece() {
	if f.pieced < len(f.small) {
		f.pieces = append(f.pieces, f.small[f.pieced:])
		f.pieced = len(f.small)
	}
}

// reset prepares for the next key and drops all references to the current one.
func (f *Fields) reset() {
	clear(f.pieces)
	f.small, f.pieced, f.pieces, f.last = f.small[:0], 0, f.pieces[:0], 0
}

// hash returns the hash of the key in a table.
func (f *Fields) hash(seed maphash.Seed, table uint32) uint64 {
	f.endPiece()
	sum := uint64(table)
	for _, piece := range f.pieces {
		high, low := bits.Mul64(sum^maphash.Bytes(seed, piece), 0x9e3779b97f4a7c15)
		sum = high ^ low // depends on the order of pieces
	}
	return sum
}

// equal reports whether the fields have this encoding.
func (f *Fields) equal(encoded []byte) bool {
	for _, piece := range f.pieces {
		if len(encoded) < len(piece) || !bytes.Equal(encoded[:len(piece)], piece) {
			return false
		}
		encoded = encoded[len(piece):]
	}
	return len(encoded) == 0
}

// encode returns a copy of the encoding.
func (f *Fields) encode() []byte {
	f.endPiece()
	length := 0
	for _, piece := range f.pieces {
		length += len(piece)
	}
	encoded := make([]byte, 0, length)
	for _, piece := range f.pieces {
		encoded = append(encoded, piece...)
	}
	return encoded
}
