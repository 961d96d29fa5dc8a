package wire_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
)

// TestCodecIsProtobufForOthers sends the health service's messages through the codec.
func TestCodecIsProtobufForOthers(t *testing.T) {
	in, out := &grpc_health_v1.HealthCheckRequest{Service: "s"}, &grpc_health_v1.HealthCheckRequest{}
	data, err := wire.Codec().Marshal(in)
	require.NoError(t, err)
	require.NoError(t, wire.Codec().Unmarshal(data, out))
	require.True(t, proto.Equal(in, out))
}

// TestCodecKeepsNoBuffer changes a received buffer after decoding, as the pool of gRPC does.
func TestCodecKeepsNoBuffer(t *testing.T) {
	m := &wire.Message{}
	m.Add(1, []byte("kept"))
	buf := m.Append(nil)
	got := &wire.Message{}
	require.NoError(t, wire.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(buf)}, got))
	clear(buf)
	require.Equal(t, []byte("kept"), got.Merged(1))
}

// TestCodecOfLargeMessages has fields that do not end at the ends of buffers.
func TestCodecOfLargeMessages(t *testing.T) {
	m := &wire.Message{}
	for i := range 5 {
		m.Add(protowire.Number(i+1), bytes.Repeat([]byte{byte(i)}, 700_000))
	}
	data, err := wire.Codec().Marshal(m)
	require.NoError(t, err)
	require.Greater(t, len(data), 1, "in several buffers")
	require.True(t, bytes.Equal(m.Append(nil), data.Materialize()))
	got := &wire.Message{}
	require.NoError(t, wire.Codec().Unmarshal(data, got))
	data.Free()
	require.Len(t, got.Fields, 5)
	for i, f := range got.Fields {
		require.True(t, bytes.Equal(m.Fields[i].Value, f.Value), i)
	}
}

// TestBuffersAreUsedAgain: the previous content of a buffer is not sent, and a small message does
// not take the largest buffer.
func TestBuffersAreUsedAgain(t *testing.T) {
	for _, size := range []int{3 << 20, 100_000, 40_000, 33_000, 1<<20 + 1, 2 << 20, 100, 10_000, 3<<20 - 10} {
		m := &wire.Message{}
		m.Add(1, bytes.Repeat([]byte{byte(size)}, size))
		data, err := wire.Codec().Marshal(m)
		require.NoError(t, err)
		require.True(t, bytes.Equal(m.Append(nil), data.Materialize()), size)
		if size <= 10_000 {
			require.Less(t, cap(data[0].ReadOnlyData()), 1<<20)
		}
		data.Free()
	}
}

// TestCodecOfManyBuffers splits a message at random positions.
func TestCodecOfManyBuffers(t *testing.T) {
	m := &wire.Message{}
	for i := range 40 {
		m.Add(protowire.Number(1+i*7), bytes.Repeat([]byte{byte(i)}, i*i))
	}
	b := m.Append(nil)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var data mem.BufferSlice
		for rest := b; len(rest) > 0; {
			n := min(len(rest), random.IntN(1<<random.IntN(12)))
			data = append(data, mem.SliceBuffer(rest[:n]))
			rest = rest[n:]
		}
		got := &wire.Message{}
		require.NoError(t, wire.Codec().Unmarshal(data, got))
		require.Equal(t, m.Fields, got.Fields)
	}
	short := mem.BufferSlice{mem.SliceBuffer(b[:100]), mem.SliceBuffer(b[100 : len(b)-1])}
	require.EqualError(t, wire.Codec().Unmarshal(short, &wire.Message{}), "read field 274: unexpected EOF")
}

// TestCodecOfAFieldWithoutEnd has a group in small buffers, which is not parsed again for each.
func TestCodecOfAFieldWithoutEnd(t *testing.T) {
	var data mem.BufferSlice
	data = append(data, mem.SliceBuffer(protowire.AppendTag(nil, 1, protowire.StartGroupType)))
	piece := bytes.Repeat([]byte{0x10, 0x01}, 32)
	for range 1 << 20 / len(piece) {
		data = append(data, mem.SliceBuffer(piece))
	}
	began := time.Now()
	require.EqualError(t, wire.Codec().Unmarshal(data, &wire.Message{}), "read field 1: unexpected EOF")
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestCodecOfEmptyMessages(t *testing.T) {
	data, err := wire.Codec().Marshal(&wire.Message{})
	require.NoError(t, err)
	require.Zero(t, data.Len())
	got := &wire.Message{}
	require.NoError(t, wire.Codec().Unmarshal(data, got))
	require.Empty(t, got.Fields)
}
