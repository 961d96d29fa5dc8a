// Package helpers is in no rule.
package helpers
