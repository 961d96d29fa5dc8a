// Package unixsocket has what applies to every Unix socket, whether its path comes from a flag, a
// policy or a test. It must not open sockets: internal/server does.
package unixsocket

// MaxPath is the longest path of a Unix socket in bytes: sun_path of struct sockaddr_un has 108
// bytes, the last of which is a zero.
// https://man7.org/linux/man-pages/man7/unix.7.html
const MaxPath = 107
