// Package logging makes the program's logger and names the keys of its records, so that
// a query for a key finds what every package says about it.
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

// Format says how records are written.
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

// ParseLevel reads debug, info, warn or error in lower case.
func ParseLevel(s string) (slog.Level, error) {
	for _, l := range Levels() {
		if s == LevelName(l) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("unknown log level %q", s)
}

// LevelName spells a level as [ParseLevel] reads it.
func LevelName(l slog.Level) string { return strings.ToLower(l.String()) }

// Levels lists the levels that a user can ask for.
func Levels() []slog.Level {
	return []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
}

// readable writes durations as Go does ("1.5s"): slog's JSON has nanoseconds without
// saying so.
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
