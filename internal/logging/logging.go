// Package logging makes the program's logger and defines the keys of its records, so that a query
// for a key finds the records of every package.
//
// It must not hold a logger: one is made at the edge and passed in.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// Format is the format of records.
type Format string

// The formats. Auto is text on a terminal and JSON otherwise.
const (
	Auto Format = "auto"
	JSON Format = "json"
	Text Format = "text"
)

// Formats lists the formats, the default first.
func Formats() []Format { return []Format{Auto, JSON, Text} }

// New returns a logger that writes records of the level and above to w.
func New(w io.Writer, level slog.Leveler, format Format) *slog.Logger {
	terminal := isTerminal(w)
	if format == Text || (format == Auto && terminal) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly + ".000", NoColor: !terminal,
		}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
}

// ParseLevel parses debug, info, warn or error in lower case.
func ParseLevel(s string) (slog.Level, error) {
	for _, l := range Levels() {
		if s == LevelName(l) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("unknown log level %q", s)
}

// LevelName returns a level in the form that [ParseLevel] reads.
func LevelName(l slog.Level) string { return strings.ToLower(l.String()) }

// Levels returns the levels that a user can select.
func Levels() []slog.Level {
	return []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
}

// readable writes durations as Go does ("1.5s"): slog's JSON has nanoseconds without a unit.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && isatty.IsTerminal(f.Fd())
}
