// Package architecture holds the house rules that neither the compiler nor a linter
// checks: which package may import which, what mutators may not touch, and how large a
// file gets. The rules are tables in rules_test.go, each with its reason.
//
// It checks source text, and what the linker keeps. Nothing imports it. The fixtures under testdata
// are modules that it must reject.
package architecture
