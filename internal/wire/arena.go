package wire

import (
	"strings"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"
)

// BufferPool returns the pool for the receive buffers of gRPC servers whose codec is [Codec]. All
// servers share it. It never reuses a buffer, so messages can stay where they were received.
func BufferPool() mem.BufferPool { return &received }

var received arena

const (
	// frame is the maximum size of a buffer into which gRPC receives. A larger message takes
	// several of them and a remainder.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/http_util.go#L47
	frame = 16 << 10
	// smallest is the minimum size of a slab.
	smallest = 1 << 20
	// handlesAtOnce is how many handles are allocated together: about as many as such a slab has
	// buffers.
	handlesAtOnce = 64
)

// arena cuts consecutive buffers from slabs of memory and never reuses them. Whole frames come from
// one slab, so that a large message is contiguous there except for its end. Everything else comes
// from another slab.
//
// The slab of frames is replaced when it has no room for another large message. The garbage
// collector frees it once none of its messages are in use.
type arena struct {
	mu      sync.Mutex
	frames  slab
	others  slab
	handles [][]byte // not in use yet
	largest int      // size in bytes of a message for which frames should have room
}

// Get implements mem.BufferPool.
func (a *arena) Get(length int) *[]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := &a.others
	if length >= frame {
		from = &a.frames
	}
	if from.room() < length {
		size := max(length, smallest)
		if from == &a.frames { // messages grow, and may not start at the start of the slab
			size = max(size, a.largest+a.largest/8)
			a.largest -= a.largest / 32 // such messages may stop coming
		}
		*from = newSlab(size)
	}
	if len(a.handles) == 0 {
		a.handles = make([][]byte, handlesAtOnce)
	}
	b := &a.handles[0]
	a.handles = a.handles[1:]
	*b = from.cut(length)
	return b
}

// Put implements mem.BufferPool. It clears the handle because other handles in the same array may
// be in use for longer and must not keep the slab alive.
func (*arena) Put(b *[]byte) { *b = nil }

// whole returns the message as one slice if it was received contiguously except for its end, or
// nil.
func (a *arena) whole(message mem.BufferSlice) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	size := message.Len()
	if size < frame {
		return a.others.whole(message)
	}
	whole := a.frames.whole(message)
	a.largest = max(a.largest, size)
	// A message that is small compared with the largest one may use up the slab.
	if a.frames.room() < a.largest && size > a.largest/8 {
		a.frames = slab{}
	}
	return whole
}

// slab is memory that is partly used.
type slab struct {
	memory []byte
	used   int
}

func newSlab(size int) slab {
	var b strings.Builder // Builder does not zero its memory, unlike make
	b.Grow(size)
	b.WriteByte(0) // the data pointer of an empty string is unspecified
	return slab{memory: unsafe.Slice(unsafe.StringData(b.String()), size)}
}

func (s *slab) room() int { return len(s.memory) - s.used }

func (s *slab) cut(length int) []byte {
	from := s.used
	s.used += length
	return s.memory[from:s.used:s.used]
}

// whole returns a message that is contiguous in the slab. If only its end is elsewhere, as with
// large messages, whole copies the end to its place.
func (s *slab) whole(message mem.BufferSlice) []byte {
	from, size := 0, 0
	for _, buffer := range message {
		b := buffer.ReadOnlyData()
		if len(b) == 0 {
			continue
		}
		at := int(uintptr(unsafe.Pointer(&b[0])) - uintptr(unsafe.Pointer(unsafe.SliceData(s.memory))))
		isIn := at >= 0 && at+len(b) <= s.used
		switch {
		case size == 0 && isIn:
			from = at
		case size > 0 && isIn && at == from+size:
		case size > 0 && from+size == s.used && len(b) <= s.room():
			copy(s.cut(len(b)), b)
		default:
			return nil
		}
		size += len(b)
	}
	if size == 0 {
		return nil
	}
	return s.memory[from : from+size : from+size]
}
