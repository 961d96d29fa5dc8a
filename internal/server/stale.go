package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/egraft/egraft/internal/logging"
)

// dialTimeout is how long an existing socket has to accept a connection.
const dialTimeout = time.Second

// removeStale removes the socket of a dead process, and nothing else.
func (s *Socket) removeStale(ctx context.Context, log *slog.Logger) error {
	info, err := os.Lstat(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("check for a stale socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("socket path %q exists and is not a socket: remove it or choose another path", s.Path)
	}
	if err := s.checkUnused(ctx); err != nil {
		return err
	}
	if err := os.Remove(s.Path); err != nil {
		return fmt.Errorf("remove stale socket: %w", err)
	}
	log.Info("removed stale socket", logging.KeyPath, s.Path)
	return nil
}

// checkUnused returns an error unless it is certain that no process listens on the socket.
func (s *Socket) checkUnused(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", s.Path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("socket %q is in use by another process", s.Path), conn.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot check whether socket %q is in use: %w", s.Path, err)
	default:
		return nil
	}
}
