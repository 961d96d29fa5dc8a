// Package server has a test that needs the harness.
package server
