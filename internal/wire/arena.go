package wire

import (
	"strings"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"
)

// BufferPool is for the buffers of a gRPC server whose codec is [Codec], and shared by all.
// None is used for another message, so that messages can stay where they were received.
func BufferPool() mem.BufferPool { return &received }

var received arena

const (
	// frame is the largest that gRPC receives into a buffer. Larger messages are several of them
	// and what is left.
	// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/http_util.go#L47
	frame = 16 << 10
	// smallest is the size of a slab as long as no message needs a larger one.
	smallest = 1 << 20
	// handlesAtOnce is how many are made at a time: about as many as such a slab has buffers.
	handlesAtOnce = 64
)

// arena cuts buffers one after the other from slabs of memory, and never uses them again: whole
// frames from one slab, so that a large message is in one piece there but for its end, and
// everything else from another one.
//
// The slab of frames is given up when it has no room for another large message, and is garbage
// when none of those in it is in use any more.
type arena struct {
	mu      sync.Mutex
	frames  slab
	others  slab
	handles [][]byte // for buffers to come
	largest int      // bytes of a message for which frames should have room
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
		if from == &a.frames { // messages grow, and may not begin where the slab does
			size = max(size, a.largest+a.largest/8)
			a.largest -= a.largest / 32 // and one day there may be no such message any more
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

// Put implements mem.BufferPool. Other handles may be in use for longer, and must not keep the slab.
func (*arena) Put(b *[]byte) { *b = nil }

// whole returns a message in one piece if it was received like that, its end excepted, and nil
// otherwise.
func (a *arena) whole(message mem.BufferSlice) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	size := message.Len()
	if size < frame {
		return a.others.whole(message)
	}
	whole := a.frames.whole(message)
	a.largest = max(a.largest, size)
	// What is small beside the largest message may use up the slab.
	if a.frames.room() < a.largest && size > a.largest/8 {
		a.frames = slab{}
	}
	return whole
}

// slab is memory of which a part is used.
type slab struct {
	memory []byte
	used   int
}

func newSlab(size int) slab {
	var b strings.Builder // whose memory, unlike that of make, is not filled with zeros first
	b.Grow(size)
	b.WriteByte(0) // of an empty string, where it is need not be known
	return slab{memory: unsafe.Slice(unsafe.StringData(b.String()), size)}
}

func (s *slab) room() int { return len(s.memory) - s.used }

func (s *slab) cut(length int) []byte {
	from := s.used
	s.used += length
	return s.memory[from:s.used:s.used]
}

// whole returns a message that is in one piece in the slab. If its end is elsewhere, as that of a
// large message is, it is copied to where it belongs.
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
