package packed_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/packed"
)

func TestPack(t *testing.T) {
	for _, content := range [][]byte{nil, {0, 1, 255}, bytes.Repeat([]byte("a route "), 1000)} {
		text, err := packed.Pack(content)
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), len(content)+20)
		got, err := packed.Unpack(text, int64(len(content)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	}
}

func TestUnpackRejects(t *testing.T) {
	bomb, err := packed.Pack(make([]byte, 1<<20))
	require.NoError(t, err)
	got, err := packed.Unpack(bomb, 10)
	require.NoError(t, err)
	require.Len(t, got, 10)
	_, err = packed.Unpack("-", 10)
	require.EqualError(t, err, "decompress: illegal base64 data at input byte 0")
	_, err = packed.Unpack("////", 10)
	require.ErrorContains(t, err, "decompress: flate: corrupt input")
}
