package server

import (
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/unixsocket"
)

func TestSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "s")
	gid := os.Getgid()
	i := start(t, func(c *Config) { c.Socket = &Socket{Path: path, Mode: 0o620, Group: strconv.Itoa(gid)} })
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o620, info.Mode())
	require.EqualValues(t, gid, info.Sys().(*syscall.Stat_t).Gid)
	require.Equal(t, "unix:"+path, i.log.wait(t, "serving")["address"])
	i.stop()
	require.NoError(t, <-i.ended)
	require.NoFileExists(t, path)
}

// TestSocketIsClosedAtFirst would fail on systems that take the mode from the umask only.
func TestSocketIsClosedAtFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{Control: chmodZero}).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	defer l.Close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket, info.Mode())
}

func TestSocketPathThatIsTaken(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		err  string // with PATH for the path
	}{
		{"nothing there", func(*testing.T, string) {}, ""},
		{"socket of a dead process", deadSocket, ""},
		{"socket of a live process", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, `socket "PATH" is in use by another process`},
		{"file", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
		}, `socket path "PATH" exists and is not a socket: remove it or choose another path`},
		{"directory", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
		}, `socket path "PATH" exists and is not a socket: remove it or choose another path`},
		{"link to a dead socket", func(t *testing.T, path string) {
			deadSocket(t, path+"2")
			require.NoError(t, os.Symlink(path+"2", path))
		}, `socket path "PATH" exists and is not a socket: remove it or choose another path`},
		{"datagram socket", func(t *testing.T, path string) {
			l, err := net.ListenPacket("unixgram", path)
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, `cannot check whether socket "PATH" is in use: dial unix PATH: connect: protocol wrong type for socket`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			test.make(t, path)
			before, _ := os.Lstat(path)
			log := &lines{}
			l, err := (&Socket{Path: path, Mode: 0o600}).listen(t.Context(), slog.New(slog.NewJSONHandler(log, nil)))
			if test.err == "" {
				require.NoError(t, err)
				require.NoError(t, l.Close())
				return
			}
			require.EqualError(t, err, strings.ReplaceAll(test.err, "PATH", path))
			after, err := os.Lstat(path)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after), "left as it was")
		})
	}
}

func TestRemovedSocketIsLogged(t *testing.T) {
	var path string
	i := start(t, func(c *Config) {
		path = c.Socket.Path
		deadSocket(t, path)
	})
	require.Equal(t, path, i.log.wait(t, "removed stale socket")["path"])
	_, err := i.call(t)
	require.NoError(t, err)
}

// deadSocket leaves the socket that a killed process leaves.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
}

func TestSocketOfAnotherProcessIsLeft(t *testing.T) {
	i := start(t, nil)
	path := i.addr.String()
	require.NoError(t, os.Remove(path))
	other, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer other.Close()
	i.stop()
	require.NoError(t, <-i.ended)
	_, err = os.Lstat(path)
	require.NoError(t, err)
}

func TestSocketErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	long := "/" + strings.Repeat("x", unixsocket.MaxPath)
	tests := []struct {
		name   string
		socket Socket
		err    string
	}{
		{"path too long", Socket{Path: long}, `socket path "` + long + `" has 108 bytes, the limit is 107`},
		{"directory is a file", Socket{Path: filepath.Join(file, "s")}, "create directory of socket: mkdir " + file + ": not a directory"},
		{"no such group", Socket{Path: filepath.Join(dir, "s"), Group: "nobodies"}, "group of socket: group: unknown group nobodies"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.socket.listen(t.Context(), slog.New(slog.DiscardHandler))
			require.EqualError(t, err, test.err)
		})
	}
}
