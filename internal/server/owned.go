package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
)

// ownedListener removes its socket when it is closed, unless another process has replaced the
// socket, which Go's listener would remove as well.
type ownedListener struct {
	*net.UnixListener
	path  string
	file  fs.FileInfo
	close func() error
}

func own(l *net.UnixListener, path string) (*ownedListener, error) {
	l.SetUnlinkOnClose(false)
	file, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("check own socket: %w", err)
	}
	o := &ownedListener{UnixListener: l, path: path, file: file}
	o.close = sync.OnceValue(o.remove)
	return o, nil
}

// isThere reports whether new clients reach this listener. While it listens, no other file can have
// the same inode number.
func (o *ownedListener) isThere() bool {
	file, err := os.Lstat(o.path)
	return err == nil && os.SameFile(file, o.file)
}

// Close implements net.Listener.
func (o *ownedListener) Close() error { return o.close() }

func (o *ownedListener) remove() error {
	file, err := os.Lstat(o.path)
	if err == nil && os.SameFile(file, o.file) {
		err = os.Remove(o.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, o.UnixListener.Close())
}
