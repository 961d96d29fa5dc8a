package wire_test

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
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"

	"github.com/egraft/egraft/pkg/wire"
)

// frame is how much gRPC receives into a buffer.
const frame = 16 << 10

// filled is a message of about so many bytes.
func filled(size int, with byte) *wire.Message {
	m := &wire.Message{}
	for left := size; left > 0; left -= 1000 {
		m.Add(1, bytes.Repeat([]byte{with}, min(left, 1000)))
	}
	return m
}

// receive puts messages into buffers of the pool as gRPC does, in turns.
func receive(messages ...*wire.Message) (received []mem.BufferSlice) {
	received = make([]mem.BufferSlice, len(messages))
	var rest [][]byte
	for _, m := range messages {
		rest = append(rest, m.Append(nil))
	}
	for slices.ContainsFunc(rest, func(b []byte) bool { return len(b) > 0 }) {
		for i, b := range rest {
			n := min(len(b), frame)
			buffer := wire.BufferPool().Get(n)
			copy(*buffer, b)
			received[i] = append(received[i], mem.NewBuffer(buffer, wire.BufferPool()))
			rest[i] = b[n:]
		}
	}
	return received
}

func decode(t *testing.T, data mem.BufferSlice) *wire.Message {
	t.Helper()
	m := &wire.Message{}
	require.NoError(t, wire.Codec().Unmarshal(data, m))
	return m
}

// isIn tells whether a message is where it was received.
func isIn(data mem.BufferSlice, m *wire.Message) bool {
	buffer, value := data[0].ReadOnlyData(), m.Fields[0].Value
	return uintptr(unsafe.Pointer(&value[0]))-uintptr(unsafe.Pointer(&buffer[0])) < uintptr(len(buffer))
}

func TestMessagesStayWhereTheyWereReceived(t *testing.T) {
	for i, size := range []int{2000, 100_000, 3 << 20, 2000, 3 << 20, 100_000, 100_000, 100_000, 3 << 20, 1200 << 10, 3 << 20, 3300 << 10} {
		want := filled(size, byte(i))
		if i < 3 {
			decode(t, receive(want)[0]) // no message was as large, and there may not be room
		}
		data := receive(want)[0]
		got := decode(t, data)
		require.True(t, isIn(data, got), i)
		require.Equal(t, want.Fields, got.Fields)
	}
}

func TestMessagesInTurns(t *testing.T) {
	one, other := filled(200_000, 1), filled(300_000, 2)
	data := receive(one, other)
	for i, want := range []*wire.Message{one, other} {
		got := decode(t, data[i])
		require.False(t, isIn(data[i], got))
		require.Equal(t, want.Fields, got.Fields)
	}
}

func TestLargeMessagesAreForgotten(t *testing.T) {
	large := filled(4<<20, 1)
	decode(t, receive(large)[0])
	for range 150 {
		decode(t, receive(filled(800<<10, 2))[0])
	}
	data := receive(large)[0]
	require.False(t, isIn(data, decode(t, data)), "no memory is kept ready for it")
	require.Len(t, *wire.BufferPool().Get(9 << 20), 9<<20)
}

// In the memory behind a buffer of the pool there is what the next one has.
func TestMessageThatIsElsewhereInPart(t *testing.T) {
	want := filled(2000, 1)
	b := want.Append(nil)
	first, next := wire.BufferPool().Get(1500), wire.BufferPool().Get(1500)
	copy(*first, b)
	copy(*next, bytes.Repeat([]byte("x"), 1500))
	got := decode(t, mem.BufferSlice{mem.SliceBuffer(*first), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	got = decode(t, mem.BufferSlice{mem.SliceBuffer(b[:100]), mem.SliceBuffer((*first)[100:]), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	got = decode(t, mem.BufferSlice{mem.SliceBuffer((*first)[:700]), mem.SliceBuffer(b[700:800]), mem.SliceBuffer((*first)[800:]), mem.SliceBuffer(b[1500:])})
	require.Equal(t, want.Fields, got.Fields)
	last := (*first)[800:1500]
	short := &wire.Message{}
	short.Add(1, bytes.Repeat([]byte{1}, 1497))
	copy(*first, short.Append(nil))
	clear((*first)[700:800])
	got = decode(t, mem.BufferSlice{mem.SliceBuffer((*first)[:700]), mem.SliceBuffer(short.Append(nil)[700:800]), mem.SliceBuffer(last)})
	require.Equal(t, short.Fields, got.Fields, "with another piece in the middle")
	require.Len(t, append(*first, 'y'), 1501)
	require.Equal(t, byte('x'), (*next)[0], "what is appended to a buffer is elsewhere")
}

func TestWhatWasReceivedIsNotOverwritten(t *testing.T) {
	want := filled(600_000, 1)
	data := receive(want)[0]
	got := decode(t, data)
	data.Free()
	for range 20 {
		decode(t, receive(filled(600_000, 2))[0])
	}
	require.Equal(t, want.Fields, got.Fields)
}

func TestSlabsAreGivenUp(t *testing.T) {
	decode(t, receive(filled(3<<20, 1))[0])
	data := receive(filled(3<<20, 1))[0]
	m, first := decode(t, data), weak.Make(&data[0].ReadOnlyData()[0])
	require.True(t, isIn(data, m))
	data.Free()
	runtime.GC()
	require.NotNil(t, first.Value(), "the message is in use")
	runtime.KeepAlive(m)
	runtime.GC()
	require.Nil(t, first.Value())
}

func TestMessagesAtTheSameTime(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for size := 1000; size < 1<<20; size *= 3 {
				want := filled(size, byte(i))
				got := &wire.Message{}
				if err := wire.Codec().Unmarshal(receive(want)[0], got); err != nil {
					t.Error(err)
				} else if !bytes.Equal(want.Append(nil), got.Append(nil)) {
					t.Errorf("message %d of %d bytes is another one", i, size)
				}
			}
		})
	}
	all.Wait()
}

// watched tells of each message if it stayed where it was received.
type watched struct {
	encoding.CodecV2
	stayed chan bool
}

func (w watched) Unmarshal(data mem.BufferSlice, v any) error {
	err := w.CodecV2.Unmarshal(data, v)
	if m, ok := v.(*wire.Message); err == nil && ok {
		w.stayed <- isIn(data, m)
	}
	return err
}

func TestServerReadsMessagesInPlace(t *testing.T) {
	codec := watched{wire.Codec(), make(chan bool, 1)}
	answer := func(_ any, s grpc.ServerStream) error {
		m := &wire.Message{}
		if err := s.RecvMsg(m); err != nil {
			return err
		}
		return s.SendMsg(m)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(codec), experimental.BufferPool(wire.BufferPool()),
		grpc.StaticStreamWindowSize(1<<20), grpc.StaticConnWindowSize(1<<20), // what is left of a small one is a frame of its own
		grpc.UnknownServiceHandler(answer), grpc.MaxRecvMsgSize(64<<20))
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.Codec()), grpc.MaxCallRecvMsgSize(64<<20)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	want := filled(20<<20, 1)
	for i := range 3 {
		got := &wire.Message{}
		require.NoError(t, conn.Invoke(t.Context(), "/s/m", want, got))
		require.Equal(t, want.Fields, got.Fields)
		require.True(t, <-codec.stayed || i == 0, "no message was as large as the first")
	}
}
