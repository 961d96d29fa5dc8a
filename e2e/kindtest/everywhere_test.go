package kindtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestEverywhere tests hack/e2e.sh.
func TestEverywhere(t *testing.T) {
	root := func() answers { return usual().with("id", "echo 0") }
	tests := []struct {
		name    string
		answers answers
		code    int
		stdout  string
	}{
		{"passes", root(), 0, "e2e: on this machine: passed\ne2e: on a node: passed\ne2e: in kind: passed\n"},
		{
			"only processes", usual().with("id", "echo 1000").without("docker"), 0,
			"e2e: on this machine: passed\ne2e: on a node: skipped, because it needs root\ne2e: in kind: skipped, because docker is not installed\n",
		},
		{
			"fails on this machine", root().with("make", `[ "$2" != e2e-here ]`), 1,
			"e2e: on this machine: FAILED\ne2e: on a node: passed\ne2e: in kind: passed\n",
		},
		{
			"fails on a node", root().with("make", `[ "$2" != e2e-node ]`), 1,
			"e2e: on this machine: passed\ne2e: on a node: FAILED\ne2e: in kind: passed\n",
		},
		{
			"fails in kind", root().with("go", "exit 1"), 1,
			"e2e: on this machine: passed\ne2e: on a node: passed\ne2e: in kind: FAILED\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.answers)
			code, s := m.run("hack/e2e.sh", "-race")
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.stdout, s.stdout.String())
		})
	}
}
