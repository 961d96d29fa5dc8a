//go:build linux

// A licence, and not a package comment.

package version
