// Package packed compresses bytes into short text for the metadata of resources, which cannot hold
// bytes.
//
// It must not know what the bytes mean.
package packed

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
)

// Pack compresses bytes into text.
func Pack(content []byte) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	return base64.RawStdEncoding.EncodeToString(b.Bytes()), nil
}

// Unpack returns what Pack compressed, but at most limit bytes of it.
func Unpack(text string, limit int64) ([]byte, error) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), limit))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return out, nil
}
