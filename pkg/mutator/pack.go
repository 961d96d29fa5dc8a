package mutator

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// maxPlain is up to where an entry is left as people can read it.
const maxPlain = 512

// maxUnpacked bounds what a packed entry may have: several times what the largest policy has.
const maxUnpacked = 1 << 20

// packed is in front of what is compressed. No JSON begins with it.
const packed = "flate:"

// pack compresses a text if that makes it smaller. The result is text, too: metadata has no
// bytes.
func pack(text []byte) (string, error) {
	if len(text) <= maxPlain {
		return string(text), nil
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	return packed + base64.RawStdEncoding.EncodeToString(b.Bytes()), nil
}

// unpack is the text that was packed.
func unpack(value string) ([]byte, error) {
	text, isPacked := strings.CutPrefix(value, packed)
	if !isPacked {
		return []byte(value), nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return out, nil
}
