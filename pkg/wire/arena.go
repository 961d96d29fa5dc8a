package wire

import (
	"strings"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"
)

// BufferPool is for the buffers of a gRPC server whose codec is [Codec], and shared by all.
// Nothing in them is overwritten, so that messages can stay where they were received.
func BufferPool() mem.BufferPool { return &received }

var received arena

const (
	// smallest is the size of a slab as long as no message needs a larger one.
	smallest = 1 << 20
	// handles is how many of them are made at a time: about as many as a slab has buffers.
	handles = 64
)

// arena cuts buffers one after the other from a slab of memory, and never uses them again. A
// message is in one piece if no other was received at the same time and the slab had room.
//
// A slab without room for another message as large as the largest is given up, and is garbage
// when none of those in it is in use any more. Which is the largest is forgotten by and by.
type arena struct {
	mu      sync.Mutex
	slab    []byte
	used    int      // bytes of slab that are in buffers
	handles [][]byte // for buffers to come
	largest int      // bytes of a message for which there should be room
}

// Get implements mem.BufferPool.
func (a *arena) Get(length int) *[]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.slab)-a.used < length {
		a.renew(length)
	}
	from := a.used
	a.used += length
	if len(a.handles) == 0 {
		a.handles = make([][]byte, handles)
	}
	b := &a.handles[0]
	a.handles = a.handles[1:]
	*b = a.slab[from:a.used:a.used]
	return b
}

// Put implements mem.BufferPool. Other handles may be in use for longer, and must not keep the slab.
func (*arena) Put(b *[]byte) { *b = nil }

// renew makes a slab of so many bytes at least. It is larger than the largest message, since they
// grow and do not begin where the slab does.
func (a *arena) renew(length int) {
	var slab strings.Builder // whose memory, unlike that of make, is not filled with zeros first
	slab.Grow(max(a.largest+a.largest/8, length, smallest))
	a.slab = unsafe.Slice(unsafe.StringData(slab.String()), slab.Cap())
	a.used = 0
	a.largest -= a.largest / 32
}

// whole returns the message if it is in one piece in the slab, and nil otherwise.
func (a *arena) whole(message mem.BufferSlice) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, size, apart := 0, 0, false
	for _, buffer := range message {
		b := buffer.ReadOnlyData()
		if len(b) == 0 {
			continue
		}
		at := int(uintptr(unsafe.Pointer(&b[0])) - uintptr(unsafe.Pointer(unsafe.SliceData(a.slab))))
		if size == 0 {
			from = at
		}
		apart = apart || at < 0 || at+len(b) > a.used || at != from+size
		size += len(b)
	}
	var whole []byte
	if size > 0 && !apart {
		whole = a.slab[from : from+size : from+size]
	}
	a.largest = max(a.largest, size)
	if len(a.slab)-a.used < a.largest {
		a.slab, a.used = nil, 0
	}
	return whole
}
