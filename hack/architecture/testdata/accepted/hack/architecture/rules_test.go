// Package architecture has tests alone.
package architecture
