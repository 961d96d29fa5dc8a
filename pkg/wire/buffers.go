package wire

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// bufferSize is the largest that gRPC's pool has.
const bufferSize = 1 << 20

// buffers encodes the message into buffers of the pool, to which gRPC returns them when
// they are sent. A message of many megabytes would be new memory at each call otherwise.
func (m *Message) buffers(pool mem.BufferPool) mem.BufferSlice {
	w := writer{pool: pool, left: m.Size()}
	var head []byte
	for _, f := range m.Fields {
		head = protowire.AppendTag(head[:0], f.Number, protowire.BytesType)
		head = protowire.AppendVarint(head, uint64(len(f.Value)))
		w.write(head)
		w.write(f.Value)
	}
	return w.full
}

// writer fills one buffer after the other.
type writer struct {
	pool mem.BufferPool
	full mem.BufferSlice
	rest []byte // of the last buffer
	left int    // bytes to come for which there is no buffer yet
}

func (w *writer) write(b []byte) {
	for len(b) > 0 {
		if len(w.rest) == 0 {
			next := w.pool.Get(min(w.left, bufferSize))
			w.left -= len(*next)
			w.full = append(w.full, mem.NewBuffer(next, w.pool))
			w.rest = *next
		}
		n := copy(w.rest, b)
		b, w.rest = b[n:], w.rest[n:]
	}
}
