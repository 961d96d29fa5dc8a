package server

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// recoveringCodec keeps a panic in a codec from ending the process: gRPC decodes and encodes
// outside of the interceptors that recover.
type recoveringCodec struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2.
func (c recoveringCodec) Marshal(v any) (_ mem.BufferSlice, err error) {
	defer recovered(&err, "encode response")
	return c.CodecV2.Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (c recoveringCodec) Unmarshal(data mem.BufferSlice, v any) (err error) {
	defer recovered(&err, "decode request")
	return c.CodecV2.Unmarshal(data, v)
}

func recovered(err *error, what string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: panic: %v", what, p)
	}
}
