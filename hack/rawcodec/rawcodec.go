// Package rawcodec is a gRPC codec whose messages are raw bytes, for clients and servers in
// benchmarks that neither encode nor decode. egraft must not use it.
package rawcodec

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// New returns the codec. Its messages are *[]byte; a nil pointer discards the received bytes.
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

// Name implements encoding.CodecV2: the peer sees ordinary protobuf messages.
func (raw) Name() string { return "proto" }
