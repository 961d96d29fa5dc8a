//go:build !linux

package server

import (
	"errors"
	"net"
	"syscall"
)

// closed has no counterpart outside of Linux, where the umask decides until the mode is
// set. Other systems are for development only.
func closed(string, string, syscall.RawConn) error { return nil }

func peerOf(net.Conn) (peer, error) {
	return peer{}, errors.New("who is at the other end of a socket can be told on Linux only")
}
