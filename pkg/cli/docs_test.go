package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/pkg/catalog"
)

var update = flag.Bool("update", false, "write the documents that are made from the program")

const (
	usagePage    = "../../docs/cli.md"
	settingsPage = "../../docs/configuration.md"
	begin, end   = "<!-- begin: generated -->\n", "<!-- end: generated -->\n"
)

// pages maps documents to the generated text that they must contain.
func pages() map[string]string {
	return map[string]string{usagePage: usage(), settingsPage: settingsTable()}
}

func TestDocuments(t *testing.T) {
	for page, want := range pages() {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		if *update {
			before, rest, _ := strings.Cut(string(text), begin)
			_, after, _ := strings.Cut(rest, end)
			text = []byte(before + begin + want + end + after)
			require.NoError(t, os.WriteFile(page, text, 0o644))
		}
		require.NoError(t, upToDate(string(text), want), "%s: run `go test ./pkg/cli -update`", page)
	}
}

// TestStaleDocuments shows that the check can fail.
func TestStaleDocuments(t *testing.T) {
	for page, want := range map[string]string{"cli-stale.md": usage(), "configuration-stale.md": settingsTable()} {
		text, err := os.ReadFile("testdata/" + page)
		require.NoError(t, err)
		require.Error(t, upToDate(string(text), want), page)
	}
	require.EqualError(t, upToDate("text", "x"), "no generated part")
	require.EqualError(t, upToDate(begin+"a\nb\n"+end, "a\nc\n"), `line 2 is "b" and should be "c"`)
	require.NoError(t, upToDate(begin+"a\n"+end, "a\n"))
}

// upToDate compares the generated part of a document with the expected text.
func upToDate(text, want string) error {
	_, rest, found := strings.Cut(text, begin)
	got, _, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("no generated part")
	}
	has, should := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(has), len(should)) {
		if at(has, i) != at(should, i) {
			return fmt.Errorf("line %d is %q and should be %q", i+1, at(has, i), at(should, i))
		}
	}
	return nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// usage returns the help text of every command.
func usage() string {
	var out strings.Builder
	p := &program{features: catalog.Builtin, stdout: io.Discard, stderr: io.Discard}
	for _, cmd := range commands(newRoot(p)) {
		fmt.Fprintf(&out, "## %s\n\n```\n%s```\n\n", cmd.CommandPath(), helpOf(cmd))
	}
	return out.String()
}

func helpOf(cmd *cobra.Command) string {
	var out strings.Builder
	cmd.InitDefaultHelpFlag()
	cmd.SetOut(&out)
	_ = cmd.Help()
	return out.String()
}

// commands lists the command tree without the shell completion commands that cobra adds.
func commands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && cmd.Name() != "completion" && sub.Name() != "help" {
			list = append(list, commands(sub)...)
		}
	}
	return list
}

// settingsTable is a table of the settings.
func settingsTable() string {
	out := "\n| field | flag | variable | default | |\n|---|---|---|---|---|\n"
	for _, s := range config.Settings() {
		out += fmt.Sprintf("| `%s` | `--%s` | `%s` | %s | %s |\n", s.Field(), s.Flag, s.Variable(), code(s.Default), s.Usage)
	}
	return out + "\n"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// TestExampleFile reads the YAML example of the document as egraft does.
func TestExampleFile(t *testing.T) {
	text, err := os.ReadFile(settingsPage)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	require.True(t, found)
	path := t.TempDir() + "/egraft.yaml"
	require.NoError(t, os.WriteFile(path, []byte(example), 0o600))
	_, errs := config.Load(config.Sources{Environ: []string{"EGRAFT_CONFIG=" + path}})
	require.Empty(t, errs)
}

// TestExamples checks that the examples of every command use existing commands and flags.
func TestExamples(t *testing.T) {
	root := newRoot(&program{features: catalog.Builtin, stdout: io.Discard, stderr: io.Discard})
	for _, cmd := range commands(root) {
		if cmd.Name() == "completion" {
			continue
		}
		lines := examples(cmd.Example)
		require.NotEmpty(t, lines, cmd.CommandPath())
		for _, line := range lines {
			found, args, err := newRoot(&program{features: catalog.Builtin, stdout: io.Discard, stderr: io.Discard}).Find(line[1:])
			require.NoError(t, err, line)
			require.NotContains(t, []string{"egraft", "config"}, found.Name(), line)
			require.NoError(t, found.ParseFlags(args), line)
		}
	}
}

// examples splits an example text into command lines, without comments, redirections and pipes.
func examples(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		words := strings.Fields(line)
		if i := slices.IndexFunc(words, func(w string) bool { return w == ">" || w == "|" }); i >= 0 {
			words = words[:i]
		}
		if len(words) > 0 && words[0] != "#" {
			out = append(out, words)
		}
	}
	return out
}
