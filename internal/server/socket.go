package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/egraft/egraft/internal/unixsocket"
)

// listen opens the socket, and again whenever it is removed.
func (s *Socket) listen(ctx context.Context, log *slog.Logger) (*reopeningListener, error) {
	return newReopeningListener(ctx, s.Path, log, func(ctx context.Context) (*ownedListener, error) { return s.listenOnce(ctx, log) })
}

// listenOnce opens the socket. No client can connect before its group and mode are set.
func (s *Socket) listenOnce(ctx context.Context, log *slog.Logger) (*ownedListener, error) {
	if len(s.Path) > unixsocket.MaxPath {
		return nil, fmt.Errorf("socket path %q has %d bytes, the limit is %d", s.Path, len(s.Path), unixsocket.MaxPath)
	}
	gid, err := s.gid()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil { // the mode of the socket itself protects it
		return nil, fmt.Errorf("create directory of socket: %w", err)
	}
	if err := s.removeStale(ctx, log); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{Control: chmodZero}).Listen(ctx, "unix", s.Path)
	if err != nil {
		return nil, fmt.Errorf("listen for Envoy Gateway: %w", err)
	}
	owned, err := own(l.(*net.UnixListener), s.Path)
	if err == nil {
		err = s.open(gid)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return owned, nil
}

// open allows clients to connect.
func (s *Socket) open(gid int) error {
	if err := os.Chown(s.Path, -1, gid); err != nil {
		return fmt.Errorf("set group of socket: %w", err)
	}
	if err := os.Chmod(s.Path, s.Mode); err != nil {
		return fmt.Errorf("set mode of socket: %w", err)
	}
	return nil
}

// gid returns the group ID, or -1 to keep the group if none is configured.
func (s *Socket) gid() (int, error) {
	if s.Group == "" {
		return -1, nil
	}
	if gid, err := strconv.ParseUint(s.Group, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(s.Group)
	if err != nil {
		return 0, fmt.Errorf("group of socket: %w", err)
	}
	return strconv.Atoi(g.Gid)
}
