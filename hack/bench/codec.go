package main

import (
	"fmt"

	"google.golang.org/grpc/mem"
)

// raw is a codec for messages that are their bytes.
type raw struct{}

// Marshal implements encoding.CodecV2.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*b)}, nil
}

// Unmarshal implements encoding.CodecV2. A nil target drops the message.
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

// Name implements encoding.CodecV2: for the server it is a message like any other.
func (raw) Name() string { return "proto" }
