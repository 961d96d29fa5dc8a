// Package version has its comment in a test, where nobody reads it.
package version
