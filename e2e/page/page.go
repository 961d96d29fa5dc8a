// Package page runs the commands of a documentation page as they are written there.
//
// A command is a line that begins with "$ " in a block of the language console, including the lines
// that a backslash or a here-document adds to it. The rest of a block is output, for readers.
package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// Command is one command of a page.
type Command struct {
	// Line is its line number, from 1.
	Line int
	Text string
	// For names the environments to which it applies; all if empty.
	For []string
}

// Commands returns the commands of a page in Markdown. The words after "console" name the
// environments to which a block applies.
func Commands(markdown string) []Command {
	var out []Command
	var fence []string // the words of the current block
	lines := strings.Split(markdown, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if words, ok := strings.CutPrefix(line, "```"); ok {
			if fence == nil {
				fence = append([]string{}, strings.Fields(words+" .")...)
			} else {
				fence = nil
			}
			continue
		}
		text, ok := strings.CutPrefix(line, "$ ")
		if !ok || len(fence) == 0 || fence[0] != "console" {
			continue
		}
		c := Command{Line: i + 1, Text: text, For: fence[1 : len(fence)-1]}
		for strings.HasSuffix(c.Text, "\\") && i+1 < len(lines) {
			i++
			c.Text += "\n" + lines[i]
		}
		if _, end, ok := strings.Cut(text, "<<'"); ok {
			end = strings.TrimSuffix(end, "'")
			for i+1 < len(lines) && !strings.HasSuffix(c.Text, "\n"+end) {
				i++
				c.Text += "\n" + lines[i]
			}
		}
		out = append(out, c)
	}
	return out
}

// Runner runs the commands of a page in order in one shell, as a reader does.
type Runner struct {
	// Environment is the current environment.
	Environment string
	// Dir is the working directory of the commands, and Environ their environment.
	Dir     string
	Environ []string
	// Output receives each command and its output.
	Output *os.File
}

// Run runs the commands of a file that apply to the environment, and stops at the first that fails.
// Background processes of the commands end with them.
func (r *Runner) Run(ctx context.Context, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a page: %w", err)
	}
	commands := slices.DeleteFunc(Commands(string(content)), func(c Command) bool {
		return len(c.For) > 0 && !slices.Contains(c.For, r.Environment)
	})
	if len(commands) == 0 {
		return fmt.Errorf("%s has no commands for %s", path, r.Environment)
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script(commands))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = r.Dir, r.Environ, r.Output, r.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // usually nothing is left
	}
	if err != nil {
		return fmt.Errorf("%s: %w, see the end of %s", path, err, r.Output.Name())
	}
	return nil
}

// script shows each command before it runs it.
func script(commands []Command) string {
	var out strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&out, "printf '%%s\\n' %s\n%s\n", quote(fmt.Sprintf("line %d: $ %s", c.Line, c.Text)), c.Text)
	}
	return out.String()
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
