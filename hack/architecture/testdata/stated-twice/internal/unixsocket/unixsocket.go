// Package unixsocket may say it.
package unixsocket

const MaxPath = 107
