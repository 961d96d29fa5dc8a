package server

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// chmodZero removes all permissions of a socket before it is bound, so that the process's umask
// never decides who may connect. Linux takes the mode of the file from the socket:
// https://github.com/torvalds/linux/blob/v6.18/net/unix/af_unix.c (unix_bind_bsd).
func chmodZero(_, _ string, c syscall.RawConn) error {
	var err error
	if outer := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0) }); outer != nil {
		return outer
	}
	return err
}

// peerOf returns the process at the other end of a socket.
func peerOf(conn net.Conn) (peer, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return peer{}, fmt.Errorf("connection of type %T is not a Unix socket", conn)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var cred *unix.Ucred
	var inner error
	err = raw.Control(func(fd uintptr) {
		cred, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = inner
	}
	if err != nil {
		return peer{}, err
	}
	return peer{uid: cred.Uid, pid: cred.Pid}, nil
}
