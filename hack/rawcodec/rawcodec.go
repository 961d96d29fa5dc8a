// Package rawcodec is the gRPC codec of benchmarks whose messages are their bytes, for clients and servers
// that neither encode nor decode. It must not be used by egraft.
package rawcodec

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// New returns the codec. Its messages are *[]byte; a nil one drops what was received.
func New() encoding.CodecV2 { return raw{} }

type raw struct{}

// Marshal implements encoding.CodecV2.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*b)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is not bytes", v)
	}
	if b != nil {
		*b = data.Materialize()
	}
	return nil
}

// Name implements encoding.CodecV2: for the other side it is a message like any other.
func (raw) Name() string { return "proto" }
