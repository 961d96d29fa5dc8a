package wire

import (
	"bytes"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"
)

// filled returns a message of about size bytes.
func filled(size int, with byte) *Message {
	m := &Message{}
	for left := size; left > 0; left -= 1000 {
		m.Add(1, bytes.Repeat([]byte{with}, min(left, 1000)))
	}
	return m
}

// receive puts messages into buffers of the pool as gRPC does, interleaved.
func (a *arena) receive(messages ...*Message) (received []mem.BufferSlice) {
	received = make([]mem.BufferSlice, len(messages))
	var rest [][]byte
	for _, m := range messages {
		rest = append(rest, m.Append(nil))
	}
	for slices.ContainsFunc(rest, func(b []byte) bool { return len(b) > 0 }) {
		for i, b := range rest {
			n := min(len(b), frame)
			rest[i] = b[n:]
			if mem.IsBelowBufferPoolingThreshold(n) {
				received[i] = append(received[i], mem.SliceBuffer(bytes.Clone(b[:n])))
				continue
			}
			buffer := a.Get(n)
			copy(*buffer, b)
			received[i] = append(received[i], mem.NewBuffer(buffer, a))
		}
	}
	return received
}

func (a *arena) codec() codec { return codec{encoding.GetCodecV2(proto.Name), a} }

func (a *arena) decode(t *testing.T, data mem.BufferSlice) *Message {
	t.Helper()
	m := &Message{}
	require.NoError(t, a.codec().Unmarshal(data, m))
	return m
}

// isIn reports whether a message is where it was received.
func isIn(data mem.BufferSlice, m *Message) bool {
	buffer, value := data[0].ReadOnlyData(), m.Fields[0].Value
	return uintptr(unsafe.Pointer(&value[0]))-uintptr(unsafe.Pointer(&buffer[0])) < uintptr(len(buffer))
}

// stays receives a message and reports whether it stays where it is. It tries twice because a slab
// may end within a message that is not large.
func (a *arena) stays(t *testing.T, want *Message) bool {
	t.Helper()
	for range 2 {
		data := a.receive(want)[0]
		got := a.decode(t, data)
		require.True(t, bytes.Equal(want.Append(nil), got.Append(nil)))
		if isIn(data, got) {
			return true
		}
	}
	return false
}

func TestMessagesStayWhereTheyWereReceived(t *testing.T) {
	a := &arena{}
	for i, size := range []int{2000, 100_000, 3 << 20, 2000, 3 << 20, 100_000, 100_000, 100_000, 3 << 20, 1200 << 10, 3 << 20, 3300 << 10} {
		require.True(t, a.stays(t, filled(size, byte(i))), i)
	}
}

func TestMessagesInTurns(t *testing.T) {
	a := &arena{}
	one, other := &Message{}, &Message{} // of whole frames
	one.Add(1, bytes.Repeat([]byte{1}, 4*frame-4))
	other.Add(1, bytes.Repeat([]byte{2}, 6*frame-4))
	data := a.receive(one, other)
	for i, want := range []*Message{one, other} {
		got := a.decode(t, data[i])
		require.False(t, isIn(data[i], got))
		require.Equal(t, want.Fields, got.Fields)
	}
}

// TestMessagesStayWithAnyEnd: a small remainder of a message is not in a buffer of the pool.
func TestMessagesStayWithAnyEnd(t *testing.T) {
	a := &arena{}
	a.decode(t, a.receive(filled(500_000, 1))[0])
	for end := 1; end <= frame; end += 500 {
		want := filled(20*frame, 1)
		want.Add(2, nil)
		want.Fields[len(want.Fields)-1].Value = make([]byte, (frame+end-want.Size()%frame)%frame+frame)
		require.True(t, a.stays(t, want), end)
	}
}

func TestLargeMessagesInTurns(t *testing.T) {
	a := &arena{}
	large, smaller := filled(3<<20, 1), filled(1200<<10, 2)
	a.decode(t, a.receive(large)[0])
	for range 5 {
		for _, m := range []*Message{large, smaller} {
			data := a.receive(m)[0]
			require.True(t, isIn(data, a.decode(t, data)))
		}
	}
}

func TestSmallMessagesBetween(t *testing.T) {
	a := &arena{}
	large, small := filled(3<<20, 1), filled(3000, 2)
	a.decode(t, a.receive(large)[0])
	for range 3 {
		for range 3000 {
			data := a.receive(small)[0]
			got := a.decode(t, data)
			require.Equal(t, small.Fields, got.Fields)
		}
		data := a.receive(large)[0]
		require.True(t, isIn(data, a.decode(t, data)))
	}
}

func TestLargeMessagesAreForgotten(t *testing.T) {
	a := &arena{}
	large := filled(4<<20, 1)
	a.decode(t, a.receive(large)[0])
	for range 150 {
		a.decode(t, a.receive(filled(800<<10, 2))[0])
	}
	data := a.receive(large)[0]
	require.False(t, isIn(data, a.decode(t, data)), "no memory is kept ready for it")
	require.Len(t, *a.Get(9 << 20), 9<<20)
}

// TestMessageThatIsElsewhereInPart: the memory behind a buffer of the pool belongs to the next
// buffer.
func TestMessageThatIsElsewhereInPart(t *testing.T) {
	a := &arena{}
	want := filled(2000, 1)
	b := want.Append(nil)
	first, next := a.Get(1500), a.Get(1500)
	copy(*first, b)
	copy(*next, bytes.Repeat([]byte("x"), 1500))
	got := a.decode(t, mem.BufferSlice{mem.SliceBuffer(*first), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	got = a.decode(t, mem.BufferSlice{mem.SliceBuffer(b[:100]), mem.SliceBuffer((*first)[100:]), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	got = a.decode(t, mem.BufferSlice{mem.SliceBuffer((*first)[:700]), mem.SliceBuffer(b[700:800]), mem.SliceBuffer((*first)[800:]), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	last := (*first)[800:1500]
	short := &Message{}
	short.Add(1, bytes.Repeat([]byte{1}, 1497))
	copy(*first, short.Append(nil))
	clear((*first)[700:800])
	got = a.decode(t, mem.BufferSlice{mem.SliceBuffer((*first)[:700]), mem.SliceBuffer(short.Append(nil)[700:800]), mem.SliceBuffer(last)})
	require.Equal(t, short.Fields, got.Fields, "with another piece in the middle")
	require.Len(t, append(*first, 'y'), 1501)
	require.Equal(t, byte('x'), (*next)[0], "what is appended to a buffer is elsewhere")
}

func TestWhatWasReceivedIsNotOverwritten(t *testing.T) {
	a := &arena{}
	want := filled(600_000, 1)
	data := a.receive(want)[0]
	got := a.decode(t, data)
	data.Free()
	for range 20 {
		a.decode(t, a.receive(filled(600_000, 2))[0])
	}
	require.Equal(t, want.Fields, got.Fields)
}

func TestSlabsAreGivenUp(t *testing.T) {
	a := &arena{}
	a.decode(t, a.receive(filled(3<<20, 1))[0])
	data := a.receive(filled(3<<20, 1))[0]
	m, first := a.decode(t, data), weak.Make(&data[0].ReadOnlyData()[0])
	require.True(t, isIn(data, m))
	data.Free()
	runtime.GC()
	require.NotNil(t, first.Value(), "the message is in use")
	runtime.KeepAlive(m)
	runtime.GC()
	require.Nil(t, first.Value())
	runtime.KeepAlive(a)
}

// TestSlabIsUsedUp: a large message gets an almost unused slab, and other messages use up the
// current one.
func TestSlabIsUsedUp(t *testing.T) {
	a := &arena{}
	send := func(size int) *byte {
		a.decode(t, a.receive(filled(size, 1))[0])
		return unsafe.SliceData(a.frames.memory)
	}
	first := send(200_000)
	require.NotNil(t, first)
	require.Equal(t, first, send(200_000))
	require.Nil(t, send(3<<20), "there is no room for another one")
	second := send(40_000)
	require.NotNil(t, second)
	for range 20 {
		require.Equal(t, second, send(40_000))
	}
}

func TestMessageThatFillsTheSlab(t *testing.T) {
	for tail := range 3 {
		a := &arena{}
		want := &Message{}
		want.Add(1, bytes.Repeat([]byte{1}, smallest-4+tail))
		data := a.receive(want)[0]
		got := a.decode(t, data)
		require.Equal(t, tail == 0, isIn(data, got))
		require.True(t, bytes.Equal(want.Append(nil), got.Append(nil)))
	}
}

func TestMessagesAtTheSameTime(t *testing.T) {
	a := &arena{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for size := 1000; size < 1<<20; size *= 3 {
				want := filled(size, byte(i))
				got := &Message{}
				if err := a.codec().Unmarshal(a.receive(want)[0], got); err != nil {
					t.Error(err)
				} else if !bytes.Equal(want.Append(nil), got.Append(nil)) {
					t.Errorf("message %d of %d bytes is another one", i, size)
				}
			}
		})
	}
	all.Wait()
}

// watched reports for each message whether it stayed where it was received.
type watched struct {
	encoding.CodecV2
	stayed chan bool
}

func (w watched) Unmarshal(data mem.BufferSlice, v any) error {
	err := w.CodecV2.Unmarshal(data, v)
	if m, ok := v.(*Message); err == nil && ok {
		w.stayed <- isIn(data, m)
	}
	return err
}

func TestServerReadsMessagesInPlace(t *testing.T) {
	a := &arena{}
	codec := watched{a.codec(), make(chan bool, 1)}
	answer := func(_ any, s grpc.ServerStream) error {
		m := &Message{}
		if err := s.RecvMsg(m); err != nil {
			return err
		}
		return s.SendMsg(m)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(codec), experimental.BufferPool(a),
		grpc.StaticStreamWindowSize(16<<20), grpc.StaticConnWindowSize(16<<20), // a smaller window would split messages into partial frames
		grpc.UnknownServiceHandler(answer), grpc.MaxRecvMsgSize(64<<20))
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(Codec()), grpc.MaxCallRecvMsgSize(64<<20)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	want := filled(20<<20, 1)
	for i := range 3 {
		got := &Message{}
		require.NoError(t, conn.Invoke(t.Context(), "/s/m", want, got))
		require.Equal(t, want.Fields, got.Fields)
		require.True(t, <-codec.stayed || i == 0, "no message was as large as the first")
	}
}
