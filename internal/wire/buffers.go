package wire

import (
	"bytes"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// bufferSize is the largest size in gRPC's pool, and nextSize the second largest: anything
	// larger than nextSize gets a buffer of bufferSize.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/mem/buffer_pool.go#L47
	bufferSize = 1 << 20
	nextSize   = 32 << 10
	// worthSending is the minimum size of a piece that is sent without copying: as much as gRPC
	// sends in one frame.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/http_util.go#L47
	worthSending = 16 << 10
)

// buffers encodes the message into pooled buffers, which gRPC returns after sending. Otherwise each
// call would allocate memory for a message of many megabytes. Consecutive values that were also
// consecutive in the request are sent from there.
func (m *Message) buffers() mem.BufferSlice {
	w := writer{left: m.Size()}
	var head []byte
	var found []byte // part of m.request, not written yet
	last := 0        // end of the last field that was found
	for _, f := range m.Fields {
		head = protowire.AppendTag(head[:0], f.Number, protowire.BytesType)
		head = protowire.AppendVarint(head, uint64(len(f.Value)))
		from, to := m.fieldOffset(head, f.Value)
		if from < last { // not in the request, or already sent
			w.writeFound(found)
			found = nil
			w.write(head)
			w.write(f.Value)
			continue
		}
		m.request[from] = head[0] // the tag that the field has in the response
		if from != last || found == nil {
			w.writeFound(found)
			found = m.request[from:from]
		}
		found, last = found[:len(found)+to-from], to
	}
	w.writeFound(found)
	return w.full
}

// fieldOffset returns where the field with the value is in the request, or -1 if it is not there or
// cannot be given the tag in head.
func (m *Message) fieldOffset(head, value []byte) (from, to int) {
	if len(m.request) == 0 || len(value) == 0 || head[0] >= 0x80 {
		return -1, -1
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(value))) - uintptr(unsafe.Pointer(unsafe.SliceData(m.request)))
	if at >= uintptr(len(m.request)) {
		return -1, -1
	}
	from, to = int(at)-len(head), int(at)+len(value)
	if from < 0 || to > len(m.request) || !bytes.Equal(m.request[from+1:at], head[1:]) {
		return -1, -1
	}
	return from, to
}

// pool is a pool of buffers of bufferSize that it does not zero. gRPC's own pool zeros them on each
// Get, which takes half as long as filling them.
type pool struct{ sync.Pool }

// Get implements mem.BufferPool for lengths up to bufferSize.
func (p *pool) Get(length int) *[]byte {
	b, _ := p.Pool.Get().(*[]byte)
	if b == nil {
		b = new(make([]byte, bufferSize))
	}
	*b = (*b)[:length]
	return b
}

// Put implements mem.BufferPool.
func (p *pool) Put(b *[]byte) { p.Pool.Put(b) }

// large is shared by all messages, as gRPC's pool is.
var large pool

// writer fills buffers one after another.
type writer struct {
	full mem.BufferSlice
	pool mem.BufferPool
	last *[]byte // from pool, not in full yet
	used int     // used bytes of last
	left int     // bytes still to write
}

func (w *writer) write(b []byte) {
	for len(b) > 0 {
		if w.last == nil {
			w.pool = mem.DefaultBufferPool()
			if w.left > nextSize {
				w.pool = &large
			}
			w.last = w.pool.Get(min(w.left, bufferSize))
		}
		n := copy((*w.last)[w.used:], b)
		b, w.used, w.left = b[n:], w.used+n, w.left-n
		if w.used == len(*w.last) {
			w.flush()
		}
	}
}

func (w *writer) flush() {
	if w.last != nil {
		*w.last = (*w.last)[:w.used]
		w.full = append(w.full, mem.NewBuffer(w.last, w.pool))
		w.last, w.used = nil, 0
	}
}

// writeFound writes a part of the request, and sends it without copying if it is large enough.
func (w *writer) writeFound(b []byte) {
	if len(b) < worthSending {
		w.write(b)
		return
	}
	w.flush()
	w.full = append(w.full, mem.SliceBuffer(b))
	w.left -= len(b)
}
