package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/egraft/egraft/internal/logging"
)

// checkInterval is how often a listener checks that its socket still exists, with one system call.
const checkInterval = time.Second

// reopeningListener listens again when its socket is removed. Without its file, a listener serves
// connected clients, but no new client can find it, such as Envoy Gateway after a restart: egraft
// would look healthy but be unreachable.
type reopeningListener struct {
	path string
	open func() (*ownedListener, error)
	log  *slog.Logger
	stop context.CancelFunc

	mu      sync.Mutex
	current *ownedListener
	closed  bool
	lost    error // why new clients cannot connect, or nil
}

// newReopeningListener opens its socket now, and again whenever it is removed.
func newReopeningListener(ctx context.Context, path string, log *slog.Logger, open func(context.Context) (*ownedListener, error)) (*reopeningListener, error) {
	first, err := open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	l := &reopeningListener{path: path, log: log, stop: stop, current: first, open: func() (*ownedListener, error) { return open(ctx) }}
	go l.watch(ctx)
	return l, nil
}

// watch checks the socket until the listener is closed.
func (l *reopeningListener) watch(ctx context.Context) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.checkSocket()
		}
	}
}

// checkSocket replaces the listener if its socket was removed.
func (l *reopeningListener) checkSocket() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current.isThere() {
		l.lost = nil
		return
	}
	if l.closed {
		return
	}
	next, err := l.open()
	if err != nil {
		l.setLost(fmt.Errorf("socket removed, new clients cannot connect: %w", err))
		return
	}
	old := l.current
	l.current, l.lost = next, nil
	_ = old.Close() // after the new one is open; its socket is gone already
	l.log.Warn("socket removed, listening again", logging.KeyPath, l.path)
}

// setLost logs a new reason why new clients cannot connect.
func (l *reopeningListener) setLost(why error) {
	if l.lost == nil || l.lost.Error() != why.Error() {
		l.log.Error("cannot reopen removed socket", logging.KeyPath, l.path, logging.KeyError, why)
	}
	l.lost = why
}

// unreachable returns why new clients cannot connect, or nil.
func (l *reopeningListener) unreachable() error {
	if l == nil { // no socket
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *reopeningListener) listener() *ownedListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Accept implements net.Listener.
func (l *reopeningListener) Accept() (net.Conn, error) {
	for {
		current := l.listener()
		conn, err := current.Accept()
		if err == nil || current == l.listener() {
			return conn, err
		}
	}
}

// Addr implements net.Listener.
func (l *reopeningListener) Addr() net.Addr { return l.listener().Addr() }

// Close implements net.Listener.
func (l *reopeningListener) Close() error {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.current.Close()
}
