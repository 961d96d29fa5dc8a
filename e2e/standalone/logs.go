package standalone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/e2e/process"
)

// Line is a line of a JSON log.
type Line map[string]any

// Message returns the message of the line.
func (l Line) Message() string {
	message, _ := l["msg"].(string)
	return message
}

// LogEnd returns the current end of a program's log, for [Environment.WaitLog].
func LogEnd(p *process.Process) int64 {
	info, err := os.Stat(p.Log)
	if err != nil {
		return 0
	}
	return info.Size()
}

// LogLines returns the lines of a log from a position on. Lines that are not JSON are left out.
func LogLines(p *process.Process, from int64) ([]Line, error) {
	content, err := os.ReadFile(p.Log)
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", p.Name, err)
	}
	return ParseLog(content[min(from, int64(len(content))):]), nil
}

// ParseLog returns the lines of a log that are JSON.
func ParseLog(content []byte) []Line {
	var out []Line
	for text := range bytes.Lines(content) {
		line := Line{}
		if json.Unmarshal(text, &line) == nil {
			out = append(out, line)
		}
	}
	return out
}

// WaitLog waits until a log has a wanted line after a position, and returns it.
func WaitLog(ctx context.Context, p *process.Process, from int64, what string, wanted func(Line) bool) (Line, error) {
	var found Line
	err := p.Wait(ctx, fmt.Sprintf("%s in the log of %s", what, p.Name), func(context.Context) error {
		lines, err := LogLines(p, from)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if wanted(line) {
				found = line
				return nil
			}
		}
		return fmt.Errorf("not among %d lines", len(lines))
	})
	return found, err
}

// Message returns a condition that a line has this message.
func Message(message string) func(Line) bool {
	return func(l Line) bool { return l.Message() == message }
}

// WriteLogs writes the ends of all logs, for debugging.
func (e *Environment) WriteLogs(w io.Writer, lines int) {
	logs, _ := filepath.Glob(filepath.Join(e.Dir, "log", "*.log")) // the pattern is correct
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil {
			fmt.Fprintln(w, err)
			continue
		}
		fmt.Fprintf(w, "--- the end of %s\n%s\n", log, tail(content, lines))
	}
}

func tail(content []byte, lines int) []byte {
	content = bytes.TrimRight(content, "\n")
	at := len(content)
	for ; lines > 0 && at >= 0; lines-- {
		at = bytes.LastIndexByte(content[:at], '\n')
	}
	return content[at+1:]
}

// WaitText waits until a program's log has a line with a text, and returns it.
func (e *Environment) WaitText(ctx context.Context, p *process.Process, text string) (string, error) {
	return waitLine(ctx, p.Log, text)
}

// WaitAccessLog waits until Envoy's access log has a line with a host and a text, and returns it.
func (e *Environment) WaitAccessLog(ctx context.Context, host, text string) (string, error) {
	return waitLine(ctx, process.LogPath(e.Dir, "access"), host, text)
}

// waitLine waits for a line that contains all of some texts, and returns the last one.
func waitLine(ctx context.Context, path string, texts ...string) (string, error) {
	var found string
	err := process.Poll(ctx, fmt.Sprintf("%q in %s", texts, path), func(context.Context) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(content)) {
			if containsAll(line, texts) {
				found = strings.TrimSpace(line)
			}
		}
		if found == "" {
			return fmt.Errorf("not among %d bytes", len(content))
		}
		return nil
	})
	return found, err
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// Log returns the log of a program, or Envoy's access log as "access".
func (e *Environment) Log(_ context.Context, name string) ([]byte, error) {
	content, err := os.ReadFile(process.LogPath(e.Dir, name))
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", name, err)
	}
	return content, nil
}
