package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWanted(t *testing.T) {
	for _, test := range []struct {
		environ []string
		want    bool
	}{
		{nil, true},
		{[]string{"TERM=xterm", "NO_COLOR="}, true},
		{[]string{"NO_COLOR=1"}, false},
		{[]string{"TERM=dumb"}, false},
		{[]string{"MY_NO_COLOR=1", "TERMINAL=dumb"}, true},
	} {
		require.Equal(t, test.want, wanted(test.environ), test.environ)
	}
}
