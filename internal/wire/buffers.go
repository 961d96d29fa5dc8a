package wire

import (
	"bytes"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// bufferSize is the largest that gRPC's pool has, and nextSize the one before: what is
	// larger than that gets the largest.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/mem/buffer_pool.go#L47
	bufferSize = 1 << 20
	nextSize   = 32 << 10
	// worthSending is how much has to be in one piece to be sent from where it is: as much as
	// gRPC sends in one frame.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/http_util.go#L47
	worthSending = 16 << 10
)

// buffers encodes the message into buffers of a pool, to which gRPC returns them when they
// are sent: a message of many megabytes would be new memory at each call otherwise.
// Values that follow each other as they did in what is answered are sent from there.
func (m *Message) buffers() mem.BufferSlice {
	w := writer{left: m.Size()}
	var head []byte
	var found []byte // in m.answered, not written yet
	last := 0        // where the last one ends that was found
	for _, f := range m.Fields {
		head = protowire.AppendTag(head[:0], f.Number, protowire.BytesType)
		head = protowire.AppendVarint(head, uint64(len(f.Value)))
		from, to := m.fieldOffset(head, f.Value)
		if from < last { // it is nowhere, or there already
			w.writeFound(found)
			found = nil
			w.write(head)
			w.write(f.Value)
			continue
		}
		m.answered[from] = head[0] // its tag as the answer has it
		if from != last || found == nil {
			w.writeFound(found)
			found = m.answered[from:from]
		}
		found, last = found[:len(found)+to-from], to
	}
	w.writeFound(found)
	return w.full
}

// fieldOffset is where in what is answered the field with the value is, and -1 if it is not there or
// cannot be given the tag in head.
func (m *Message) fieldOffset(head, value []byte) (from, to int) {
	if len(m.answered) == 0 || len(value) == 0 || head[0] >= 0x80 {
		return -1, -1
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(value))) - uintptr(unsafe.Pointer(unsafe.SliceData(m.answered)))
	if at >= uintptr(len(m.answered)) {
		return -1, -1
	}
	from, to = int(at)-len(head), int(at)+len(value)
	if from < 0 || to > len(m.answered) || !bytes.Equal(m.answered[from+1:at], head[1:]) {
		return -1, -1
	}
	return from, to
}

// pool is one of buffers of bufferSize, which it gives as they are. gRPC's own fills them with
// zeros each time, which takes half as long as to fill them.
type pool struct{ sync.Pool }

// Get implements mem.BufferPool for lengths that are not larger than bufferSize.
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

// writer fills one buffer after the other.
type writer struct {
	full mem.BufferSlice
	pool mem.BufferPool
	last *[]byte // of the pool, not in full yet
	used int     // bytes of last
	left int     // bytes to come
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

// writeFound writes what may be sent from where it is.
func (w *writer) writeFound(b []byte) {
	if len(b) < worthSending {
		w.write(b)
		return
	}
	w.flush()
	w.full = append(w.full, mem.SliceBuffer(b))
	w.left -= len(b)
}
