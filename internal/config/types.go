package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/quantity"
)

func text(target *string, kind string) value {
	return typed[string]{
		target: target, kind: kind,
		parse:  func(s string) (string, error) { return s, nil },
		format: func(s string) string { return s },
	}
}

// address is a text that the word "off" empties.
func address(target *string) value {
	return typed[string]{
		target: target, kind: "host:port",
		parse: func(s string) (string, error) {
			if s == "off" {
				return "", nil
			}
			return s, nil
		},
		format: func(s string) string { return s },
	}
}

func boolean(target *bool) value {
	return typed[bool]{
		target: target, kind: "bool",
		parse: func(s string) (bool, error) {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return false, errors.New("must be true or false")
			}
			return b, nil
		},
		format: strconv.FormatBool,
		decode: func(raw json.RawMessage) (bool, error) { return decodeAs[bool](raw, "true or false") },
	}
}

func duration(target *time.Duration) value {
	return typed[time.Duration]{
		target: target, kind: "duration",
		parse: func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return 0, errors.New(`must be a duration with its unit, like "1s" or "1m30s"`)
			}
			return d, nil
		},
		format: time.Duration.String,
	}
}

// quantities are numbers of bytes. Kubernetes writes numbers and strings.
func quantities(target *resource.Quantity) value {
	parse := func(s string) (resource.Quantity, error) {
		q, err := quantity.Parse(s)
		if err != nil {
			return q, errors.New(`must be a quantity like "256Mi"`)
		}
		return q, nil
	}
	return typed[resource.Quantity]{
		target: target, kind: "quantity", parse: parse,
		format: func(q resource.Quantity) string { return q.String() },
		decode: func(raw json.RawMessage) (resource.Quantity, error) {
			if s, err := decodeAs[string](raw, "a string"); err == nil {
				return parse(s)
			}
			return parse(string(raw)) // a number, or what is no quantity at all
		},
	}
}

// mode is octal, and a string in the file: YAML reads 0660 as the number 432.
func mode(target *fs.FileMode) value {
	return typed[fs.FileMode]{
		target: target, kind: "octal",
		parse: func(s string) (fs.FileMode, error) {
			m, err := strconv.ParseUint(s, 8, 32)
			if err != nil || m > 0o777 {
				return 0, errors.New(`must be octal permissions like "0660"`)
			}
			return fs.FileMode(m), nil
		},
		format: func(m fs.FileMode) string { return fmt.Sprintf("%04o", m) },
	}
}

func level(target *slog.Level) value {
	return typed[slog.Level]{
		target: target, kind: "level", format: logging.LevelName,
		parse: func(s string) (slog.Level, error) {
			l, err := logging.ParseLevel(s)
			if err != nil {
				return 0, errors.New("must be debug, info, warn or error")
			}
			return l, nil
		},
	}
}

func format(target *logging.Format) value {
	return typed[logging.Format]{
		target: target, kind: "format",
		parse: func(s string) (logging.Format, error) {
			if f := logging.Format(s); slices.Contains(logging.Formats(), f) {
				return f, nil
			}
			return "", errors.New("must be auto, json or text")
		},
		format: func(f logging.Format) string { return string(f) },
	}
}

func choice(target *Choice) value {
	return typed[Choice]{
		target: target, kind: "choice",
		parse: func(s string) (Choice, error) {
			if c := Choice(s); slices.Contains(Choices(), c) {
				return c, nil
			}
			return "", fmt.Errorf("must be one of %s", words(Choices()))
		},
		format: func(c Choice) string { return string(c) },
	}
}
