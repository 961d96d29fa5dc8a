package devspiffe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// peerCredentials asks the kernel for the process at the other end of a Unix socket. Clients
// connect without credentials of their own.
type peerCredentials struct{}

// peerInfo is the result of peerCredentials.
type peerInfo struct {
	credentials.CommonAuthInfo
	pid int32
}

func (peerInfo) AuthType() string { return "SO_PEERCRED" }

func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, fmt.Errorf("a %T has no peer process", conn)
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return nil, nil, fmt.Errorf("peer of the Unix socket: %w", err)
	}
	var ucred *unix.Ucred
	var optionErr error
	if err := raw.Control(func(fd uintptr) {
		ucred, optionErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || optionErr != nil {
		return nil, nil, fmt.Errorf("peer of the Unix socket: %w", errors.Join(err, optionErr))
	}
	return conn, peerInfo{pid: ucred.Pid}, nil
}

func (peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("peer credentials are for servers")
}

func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "SO_PEERCRED"}
}
func (c peerCredentials) Clone() credentials.TransportCredentials { return c }
func (peerCredentials) OverrideServerName(string) error           { return nil }

// executable returns the path of the calling process's executable.
func executable(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", status.Error(codes.Internal, "the call has no peer")
	}
	info, ok := p.AuthInfo.(peerInfo)
	if !ok {
		return "", status.Error(codes.Internal, "the peer has no process ID")
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", info.pid))
	if err != nil {
		return "", status.Errorf(codes.PermissionDenied, "attest process %d: %v", info.pid, err)
	}
	return path, nil
}
