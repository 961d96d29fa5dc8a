package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/hack/goals"
)

const docs = "../../docs"

// TestPage compares the page and its plots with the numbers that they are generated from.
func TestPage(t *testing.T) {
	n, err := load(docs)
	require.NoError(t, err)
	files, err := n.render(docs)
	require.NoError(t, err)
	require.Len(t, files, 5)
	for path, want := range files {
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run `go run ./hack/plot`", path)
	}
}

// TestPictures checks that the page shows each plot in each theme.
func TestPictures(t *testing.T) {
	text, err := os.ReadFile(page(docs))
	require.NoError(t, err)
	for _, name := range []string{"calls", "gateway"} {
		require.Contains(t, string(text), `<source media="(prefers-color-scheme: dark)" srcset="images/`+name+`-dark.svg">`)
		require.Contains(t, string(text), `src="images/`+name+`-light.svg"`)
	}
}

// TestVariants checks that everything that was measured has a name on the page.
func TestVariants(t *testing.T) {
	n, err := load(docs)
	require.NoError(t, err)
	for _, r := range n.gateway {
		require.NotEmpty(t, described[r.Variant], r.Variant)
	}
}

// TestOtherNumbers shows that the page and the plots depend on the numbers.
func TestOtherNumbers(t *testing.T) {
	n, err := load(docs)
	require.NoError(t, err)
	before, err := n.render(docs)
	require.NoError(t, err)
	n.calls[0].NsOp *= 2
	n.policies[0].CPUOp *= 2
	n.gateway[1].Median *= 2
	after, err := n.render(docs)
	require.NoError(t, err)
	for path := range before {
		require.NotEqual(t, string(before[path]), string(after[path]), path)
	}
}

func TestPlotsAreXML(t *testing.T) {
	n, err := load(docs)
	require.NoError(t, err)
	for _, theme := range themes() {
		for _, plot := range [][]byte{n.drawCalls(theme), n.drawGateway(theme)} {
			decoder := xml.NewDecoder(bytes.NewReader(plot))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else {
					require.NoError(t, err)
				}
			}
			require.NotContains(t, string(plot), "NaN")
			require.NotContains(t, string(plot), "Inf")
			require.NotContains(t, string(plot), `="-`)
		}
	}
}

// TestCopy copies numbers and generates the page from them.
func TestCopy(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	require.EqualError(t, run([]string{"-from", from, "-docs", to}),
		"read what was measured (run `make bench bench-policies bench-gateway` first): open "+filepath.Join(from, callsFile)+": no such file or directory")
	for _, name := range []string{callsFile, policiesFile, gatewayFile} {
		content, err := os.ReadFile(filepath.Join(dataDir(docs), name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(from, name), content, 0o644))
	}
	text, err := os.ReadFile(page(docs))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(page(to), text, 0o644))
	require.NoError(t, run([]string{"-from", from, "-docs", to}))
	for _, name := range []string{"calls-light.svg", "gateway-dark.svg"} {
		want, err := os.ReadFile(filepath.Join(docs, "images", name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(to, "images", name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), name)
	}
	n, err := load(to)
	require.NoError(t, err)
	require.Positive(t, n.machine.Cores)
}

func TestReplace(t *testing.T) {
	text, err := replace("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n", "x", "new\n")
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- begin: x -->\nnew\n<!-- end: x -->\nb\n", text)
	_, err = replace("a\n<!-- begin: x -->\nold\n", "x", "new\n")
	require.EqualError(t, err, `there is no place for "x"`)
}

func TestVerdicts(t *testing.T) {
	require.Equal(t, "met", verdict(goals.Goal{Measured: 1.1, Limit: 1.1}))
	require.Equal(t, "**missed**", verdict(goals.Goal{Measured: 1.11, Limit: 1.1}))
	require.Equal(t, "met", verdict(goals.Goal{Measured: 11, Limit: 10, AtLeast: true}))
	require.Equal(t, "**missed**", verdict(goals.Goal{Measured: 9.9, Limit: 10, AtLeast: true}))
	for _, none := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		require.Equal(t, "**missed**", verdict(goals.Goal{Measured: none, Limit: 1.1, AtLeast: none > 0}))
	}
}

func TestWords(t *testing.T) {
	require.Equal(t, "1 µs 10 ms 100 ns 1 s", strings.Join([]string{duration(1e3), duration(1e7), duration(100), duration(1e9)}, " "))
	require.Equal(t, "1 999 1,000 12,345,678", strings.Join([]string{thousands(1), thousands(999), thousands(1000), thousands(12345678)}, " "))
}
