// Package server knows what it should ask for: 107.
package server

const (
	limit = 107
	usage = "at most 107 bytes"
	other = 1070
)
