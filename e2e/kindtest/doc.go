// Package kindtest holds the tests of e2e/kind.sh and hack/e2e.sh, which run with stand-ins
// for kind, docker and what else those scripts call. Nothing imports it.
package kindtest
