package unixsocket

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMaxPath compares MaxPath with the limit of the kernel.
func TestMaxPath(t *testing.T) {
	require.Len(t, syscall.RawSockaddrUnix{}.Path, MaxPath+1)
	t.Chdir(t.TempDir()) // a relative path, because the directory's own path would count
	for length, works := range map[int]bool{MaxPath: true, MaxPath + 1: false} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(".", strings.Repeat("s", length)))
		require.Equal(t, works, err == nil, "%d bytes: %v", length, err)
		if works {
			require.NoError(t, l.Close())
		}
	}
}
