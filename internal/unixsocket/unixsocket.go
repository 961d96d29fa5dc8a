// Package unixsocket has what holds for every Unix socket, wherever its path comes from: a flag,
// a policy or a test. It must not open any: that is for internal/server.
package unixsocket

// MaxPath is the longest path of a Unix socket in bytes: sun_path of struct sockaddr_un has 108
// bytes, the last of which is a zero.
// https://man7.org/linux/man-pages/man7/unix.7.html
const MaxPath = 107
