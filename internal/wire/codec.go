package wire

import (
	"strings"
	"unsafe"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Codec returns a gRPC codec that reads and writes [Message] as is and everything else, such as the
// health service's messages, as protocol buffers. It reads a message received in buffers of
// [BufferPool] in place if it is contiguous, and otherwise copies it.
func Codec() encoding.CodecV2 {
	return codec{encoding.GetCodecV2(proto.Name), &received}
}

type codec struct {
	encoding.CodecV2
	pool *arena
}

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
	*m = Message{}
	if whole := c.pool.whole(data); whole != nil {
		m.read(whole, len(whole))
		return m.unread(whole)
	}
	return m.copyFrom(data)
}

// copyFrom reads a contiguous copy. Pools other than [BufferPool] reuse their buffers, but the
// content may outlive the call: abandoned mutators may still read it.
//
// It parses after each buffer, while that is in the CPU cache. If a field is incomplete, it waits
// until twice as much has arrived, so that no byte is parsed often.
func (m *Message) copyFrom(data mem.BufferSlice) error {
	var copied strings.Builder // Builder does not zero its memory, unlike make
	size, enough := data.Len(), 0
	copied.Grow(size)
	var whole []byte
	for _, b := range data {
		copied.Write(b.ReadOnlyData())
		whole = unsafe.Slice(unsafe.StringData(copied.String()), copied.Len())
		if len(whole) >= enough {
			m.read(whole, size)
			enough = 2*len(whole) - len(m.parsed)
		}
	}
	m.read(whole, size)
	return m.unread(whole)
}
