package mutator

import (
	"strings"

	"github.com/egraft/egraft/internal/packed"
)

// maxPlain is up to where an entry is left as people can read it.
const maxPlain = 512

// maxUnpacked bounds what a packed entry may have: several times what the largest policy has.
const maxUnpacked = 1 << 20

// compressed is in front of what is compressed. No JSON begins with it.
const compressed = "flate:"

// pack compresses a text if that makes it smaller. The result is text, too: metadata has no
// bytes.
func pack(text []byte) (string, error) {
	if len(text) <= maxPlain {
		return string(text), nil
	}
	value, err := packed.Pack(text)
	return compressed + value, err
}

// unpack is the text that was packed.
func unpack(value string) ([]byte, error) {
	text, isPacked := strings.CutPrefix(value, compressed)
	if !isPacked {
		return []byte(value), nil
	}
	return packed.Unpack(text, maxUnpacked)
}
