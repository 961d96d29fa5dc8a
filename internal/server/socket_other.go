//go:build !linux

package server

import (
	"errors"
	"net"
	"syscall"
)

// chmodZero does nothing on systems other than Linux, where the umask decides until the mode is
// set. They are supported for development only.
func chmodZero(string, string, syscall.RawConn) error { return nil }

func peerOf(net.Conn) (peer, error) {
	return peer{}, errors.New("cannot determine the peer of a socket: supported on Linux only")
}
