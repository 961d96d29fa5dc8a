package mutator

import (
	"strings"

	"github.com/egraft/egraft/internal/packed"
)

// maxPlain is the size up to which an entry stays readable for people.
const maxPlain = 512

// maxUnpacked limits the size of an unpacked entry: several times the size of the largest policy.
const maxUnpacked = 1 << 20

// compressed is the prefix of compressed text. No JSON begins with it.
const compressed = "flate:"

// pack compresses a text if this makes it smaller. The result is also text, because metadata cannot
// contain bytes.
func pack(text []byte) (string, error) {
	if len(text) <= maxPlain {
		return string(text), nil
	}
	value, err := packed.Pack(text)
	return compressed + value, err
}

// unpack returns the text that was packed.
func unpack(value string) ([]byte, error) {
	text, isPacked := strings.CutPrefix(value, compressed)
	if !isPacked {
		return []byte(value), nil
	}
	return packed.Unpack(text, maxUnpacked)
}
