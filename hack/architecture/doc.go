// Package architecture holds the house rules that neither the compiler nor a linter
// checks: which package may import which, what mutators may not touch, and how large a
// file gets. The rules are tables in rules_test.go, each with its reason.
//
// It looks at source text, and at what the linker keeps. Nothing imports it, and it has fixtures under testdata
// that it must reject.
package architecture
