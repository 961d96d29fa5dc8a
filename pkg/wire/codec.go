package wire

import (
	"bytes"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Codec is a gRPC codec that reads and writes [Message] as it is, and everything else,
// the health service for one, as protocol buffers do.
func Codec() encoding.CodecV2 {
	return codec{encoding.GetCodecV2(proto.Name)}
}

type codec struct{ encoding.CodecV2 }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*Message)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	return m.buffers(), nil
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*Message)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	parsed, err := Parse(joined(data))
	if err != nil {
		return err
	}
	*m = *parsed
	return nil
}

// joined is a copy in one piece. gRPC uses its buffers again, and what is in them would
// outlive the call: in the memo, and in mutators that nobody waits for any more.
func joined(data mem.BufferSlice) []byte {
	parts := make([][]byte, len(data))
	for i, b := range data {
		parts[i] = b.ReadOnlyData()
	}
	return bytes.Join(parts, nil) // which, unlike Materialize, does not fill it with zeros first
}
