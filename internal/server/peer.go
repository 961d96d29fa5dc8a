package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"

	"google.golang.org/grpc/credentials"

	"github.com/egraft/egraft/internal/logging"
)

// peer is the process at the other end of a socket. Its uid is the effective uid when it connected,
// mapped into egraft's user namespace.
type peer struct {
	uid uint32
	pid int32
}

// peerCredentials accepts connections from certain users only.
type peerCredentials struct {
	allowed []uint32 // empty allows all users
	own     uint32
	lookup  func(net.Conn) (peer, error)
	log     *slog.Logger
}

func newPeerCredentials(allowed []uint32, log *slog.Logger) *peerCredentials {
	return &peerCredentials{allowed: allowed, own: uint32(os.Geteuid()), lookup: peerOf, log: log}
}

// ServerHandshake implements credentials.TransportCredentials. It closes the connection
// of a peer that it rejects.
func (c *peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if len(c.allowed) == 0 {
		return conn, socketInfo(), nil
	}
	p, err := c.lookup(conn)
	if err == nil && p.uid != c.own && !slices.Contains(c.allowed, p.uid) {
		err = fmt.Errorf("user %d may not connect", p.uid)
	}
	if err != nil {
		c.log.Warn("rejected connection", logging.KeyUID, p.uid, logging.KeyPID, p.pid,
			logging.KeySetting, "--allowed-uids", logging.KeyError, err)
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, socketInfo(), nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (c *peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("credentials are for servers only")
}

// Info implements credentials.TransportCredentials.
func (c *peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix"}
}

// Clone implements credentials.TransportCredentials.
func (c *peerCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName implements credentials.TransportCredentials, which still requires it.
func (c *peerCredentials) OverrideServerName(string) error { return nil }

// authInfo states that a connection is private because the kernel keeps it local.
type authInfo struct{ credentials.CommonAuthInfo }

// AuthType implements credentials.AuthInfo.
func (authInfo) AuthType() string { return "unix" }

func socketInfo() credentials.AuthInfo {
	return authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
}
