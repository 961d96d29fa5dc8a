package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/quantity"
	"github.com/egraft/egraft/pkg/setting"
)

// address is a text that "off" makes empty.
func address(target *string) setting.Value {
	return setting.Typed[string]{
		Target: target, Kind: "host:port",
		Parse: func(s string) (string, error) {
			if s == "off" {
				return "", nil
			}
			return s, nil
		},
		Format: func(s string) string { return s },
	}
}

// quantities are numbers of bytes. In JSON, they are numbers or strings, as in Kubernetes.
func quantities(target *resource.Quantity) setting.Value {
	parse := func(s string) (resource.Quantity, error) {
		q, err := quantity.Parse(s)
		if err != nil {
			return q, errors.New(`must be a quantity like "256Mi"`)
		}
		return q, nil
	}
	return setting.Typed[resource.Quantity]{
		Target: target, Kind: "quantity", Parse: parse,
		Format: func(q resource.Quantity) string { return q.String() },
		JSON: func(raw json.RawMessage) (resource.Quantity, error) {
			if s, err := setting.DecodeAs[string](raw, "a string"); err == nil {
				return parse(s)
			}
			return parse(string(raw)) // a number, or invalid
		},
	}
}

// mode is octal, and a string in the file because YAML reads 0660 as the number 432.
func mode(target *fs.FileMode) setting.Value {
	return setting.Typed[fs.FileMode]{
		Target: target, Kind: "octal",
		Parse: func(s string) (fs.FileMode, error) {
			m, err := strconv.ParseUint(s, 8, 32)
			if err != nil || m > 0o777 {
				return 0, errors.New(`must be octal permissions like "0660"`)
			}
			return fs.FileMode(m), nil
		},
		Format: func(m fs.FileMode) string { return fmt.Sprintf("%04o", m) },
	}
}

func level(target *slog.Level) setting.Value {
	return setting.Typed[slog.Level]{
		Target: target, Kind: "level", Format: logging.LevelName,
		Parse: func(s string) (slog.Level, error) {
			l, err := logging.ParseLevel(s)
			if err != nil {
				return 0, errors.New("must be debug, info, warn or error")
			}
			return l, nil
		},
	}
}

func format(target *logging.Format) setting.Value {
	return setting.Typed[logging.Format]{
		Target: target, Kind: "format",
		Parse: func(s string) (logging.Format, error) {
			if f := logging.Format(s); slices.Contains(logging.Formats(), f) {
				return f, nil
			}
			return "", errors.New("must be auto, json or text")
		},
		Format: func(f logging.Format) string { return string(f) },
	}
}

func choice(target *Choice) setting.Value {
	return setting.Typed[Choice]{
		Target: target, Kind: "choice",
		Parse: func(s string) (Choice, error) {
			if c := Choice(s); slices.Contains(Choices(), c) {
				return c, nil
			}
			return "", fmt.Errorf("must be one of %s", words(Choices()))
		},
		Format: func(c Choice) string { return string(c) },
	}
}
