package server

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPeers(t *testing.T) {
	const own, friend, stranger = 65532, 1000, 1001
	tests := []struct {
		name    string
		allowed []uint32
		peer    uint32
		lookup  error
		err     string
	}{
		{"anyone", nil, stranger, nil, ""},
		{"anyone, even if unknown", nil, 0, errors.New("no kernel"), ""},
		{"friend", []uint32{1, friend}, friend, nil, ""},
		{"oneself", []uint32{friend}, own, nil, ""},
		{"stranger", []uint32{friend}, stranger, nil, "user 1001 may not connect"},
		{"root has no privilege", []uint32{friend}, 0, nil, "user 0 may not connect"},
		{"unknown", []uint32{0}, 0, errors.New("no kernel"), "no kernel"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := &lines{}
			c := newPeerCredentials(test.allowed, slog.New(slog.NewJSONHandler(log, nil)))
			c.own = own
			c.lookup = func(net.Conn) (peer, error) { return peer{uid: test.peer, pid: 7}, test.lookup }
			server, client := net.Pipe()
			defer client.Close()
			conn, info, err := c.ServerHandshake(server)
			if test.err == "" {
				require.NoError(t, err)
				require.Same(t, server, conn)
				require.Equal(t, "unix", info.AuthType())
				return
			}
			require.EqualError(t, err, test.err)
			require.Equal(t, test.err, log.wait(t, "rejected connection")["error"])
			_, err = server.Write([]byte("x"))
			require.Error(t, err, "the connection is closed")
		})
	}
}

// TestKernelTellsThePeer: the uid of a peer is the actual one.
func TestKernelTellsThePeer(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	conn, err := l.Accept()
	require.NoError(t, err)
	defer conn.Close()
	got, err := peerOf(conn)
	require.NoError(t, err)
	require.Equal(t, peer{uint32(os.Geteuid()), int32(os.Getpid())}, got)

	pipe, _ := net.Pipe()
	_, err = peerOf(pipe)
	require.EqualError(t, err, "connection of type *net.pipe is not a Unix socket")
}

func TestRejectedPeerCannotCall(t *testing.T) {
	me := uint32(os.Geteuid())
	for _, rejected := range []bool{false, true} {
		p := newServer(t, func(c *Config) { c.Socket.AllowedUIDs = []uint32{me + 1} })
		if rejected {
			p.peers.own = me + 2 // as if egraft ran as another user
		}
		i := run(t, p)
		_, err := i.call(t)
		if !rejected {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, codes.Unavailable, status.Code(err))
		require.EqualValues(t, me, i.log.wait(t, "rejected connection")["uid"])
	}
}
