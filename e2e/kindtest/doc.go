// Package kindtest has the tests of e2e/kind.sh and hack/e2e.sh, which run with stand-ins for kind,
// docker and the other programs that these scripts call. Nothing imports it.
package kindtest
