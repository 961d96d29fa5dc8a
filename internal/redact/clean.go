package redact

import (
	"bytes"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// isClean reports whether an encoded message certainly contains nothing to remove and has sorted
// maps, without decoding it: of thousands of resources, only a few have secrets. It must be at
// least as strict as decoding and walking the message: if in doubt, it returns false.
func isClean(s *shape, b []byte, depth int) bool {
	switch {
	case s.opaque || depth > maxDepth:
		return false
	case s.isAny:
		return isCleanAny(b, depth)
	}
	var last entry
	var seen [maxNumber/64 + 1]uint64
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || int(number) >= len(s.fields) {
			return false
		}
		f := &s.fields[number]
		// A repeated value overwrites the first when decoded, but the first stays in the bytes.
		bit := uint64(1) << (f.single % 64)
		if !f.known || f.sensitive || f.single > 0 && seen[f.single/64]&bit != 0 {
			return false
		}
		seen[f.single/64] |= bit
		b = b[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, typ, b); n < 0 || typ != f.typ {
				return false
			}
			b, last = b[n:], entry{}
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 || !f.isCleanValue(value, depth) {
			return false
		}
		if b = b[n:]; !f.isMap {
			last = entry{}
		} else if !last.isBefore(number, value) {
			return false
		}
	}
	return true
}

// isCleanValue is [isClean] for a length-delimited value.
func (f *field) isCleanValue(value []byte, depth int) bool {
	switch {
	case f.within != nil:
		return isClean(f.within, value, depth+1)
	case f.isText:
		return utf8.Valid(value) // otherwise decoding fails
	case f.typ == protowire.BytesType:
		return true
	}
	return f.isList && isPacked(f.typ, value)
}

// isPacked reports whether a value is a packed list of numbers.
func isPacked(typ protowire.Type, value []byte) bool {
	for len(value) > 0 {
		n := protowire.ConsumeFieldValue(1, typ, value)
		if n < 0 {
			return false
		}
		value = value[n:]
	}
	return true
}

// entry is the previous entry of a map.
type entry struct {
	of  protowire.Number // the map's field, 0 if there is none
	key []byte
}

// isBefore reports whether the next entry of a map sorts after this one, and stores the next one.
// It compares only string keys.
func (e *entry) isBefore(of protowire.Number, next []byte) bool {
	var key []byte
	number, typ, n := protowire.ConsumeTag(next)
	isText := n > 0 && number == 1 && typ == protowire.BytesType
	if isText {
		key, _ = protowire.ConsumeBytes(next[n:])
	}
	ordered := e.of != of || isText && bytes.Compare(e.key, key) < 0
	*e = entry{of, key}
	return ordered
}

// isCleanAny is [isClean] for an Any.
func isCleanAny(b []byte, depth int) bool {
	const url, content = 1, 2
	var parts [content + 1][]byte
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.BytesType || number > content || parts[number] != nil {
			return false
		}
		value, size := protowire.ConsumeBytes(b[n:])
		if size < 0 {
			return false
		}
		parts[number], b = value[:len(value):len(value)], b[n+size:]
	}
	if len(parts[url]) == 0 {
		return len(parts[content]) == 0
	}
	s := shapeOfURL(parts[url])
	return s != nil && isClean(s, parts[content], depth+1)
}
