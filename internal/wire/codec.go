package wire

import (
	"strings"
	"unsafe"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Codec is a gRPC codec that reads and writes [Message] as it is, and everything else,
// the health service for one, as protocol buffers do. What a server received in buffers of
// [BufferPool] it reads where it is, if it is there in one piece, and otherwise a copy.
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

// copyFrom reads a copy in one piece. Pools but [BufferPool] use their buffers again, and what is
// in them would outlive the call: in mutators that nobody waits for any more.
//
// It reads on after each buffer, when that is still in the processor's cache. A field of which
// not all was there is tried again when twice as much is, so that no byte is read often.
func (m *Message) copyFrom(data mem.BufferSlice) error {
	var copied strings.Builder // whose memory, unlike that of make, is not filled with zeros first
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
