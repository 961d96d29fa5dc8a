package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestLacking finds the names of missing additions, of any length.
func TestLacking(t *testing.T) {
	err, l := errors.New("no"), lacking{}
	var names []string
	for _, n := range []int{5, 6, 127, 128, 129, 20_000} { // with lengths of one, two and three bytes
		names = append(names, strings.Repeat("n", n))
		l.note(&Outcome{Feature: "f", Err: err}, names[len(names)-1])
	}
	for _, name := range names {
		raw := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "before")
		raw = protowire.AppendString(protowire.AppendTag(raw, 2, protowire.BytesType), name)
		require.Equal(t, map[string]bool{name: true}, l.in(raw), len(name))
		require.Equal(t, map[string]bool{name: true}, l.in(append(raw, 1)), len(name))
		require.Empty(t, l.in(raw[:len(raw)-1]), len(name))
		require.Empty(t, l.broughtIn(raw, raw))
		require.Equal(t, map[string]bool{name: true}, l.broughtIn(nil, raw))
	}
	require.Empty(t, l.in([]byte{5}), "a length at the end, of nothing")
	require.Empty(t, l.in([]byte{0, 0xff, 0xff}), "a length that has no end")
}

// TestLackingHasNoNameless: with an empty name, every message would match.
func TestLackingHasNoNameless(t *testing.T) {
	l, o := lacking{}, &Outcome{Feature: "f", Err: errors.New("no")}
	l.note(o, "")
	require.Empty(t, l.why)
	require.Empty(t, l.in([]byte{0, 0}))
	require.True(t, o.affectsAll, "nothing tells who wanted it")
}

// TestLackingIsThereForAnother: an addition that one feature could not make is not missing if
// another one makes it.
func TestLackingIsThereForAnother(t *testing.T) {
	err := errors.New("no")
	after, before := lacking{}, lacking{}
	after.note(&Outcome{Feature: "f", Err: err}, "name")
	after.made("name")
	before.made("name")
	before.note(&Outcome{Feature: "f", Err: err}, "name")
	require.Empty(t, after.why)
	require.Empty(t, before.why)
	before.made("other")
	before.note(&Outcome{Feature: "f", Err: err}, "name")
	require.Empty(t, before.why)
}
