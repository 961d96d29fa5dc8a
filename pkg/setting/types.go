package setting

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Text is a string. Kind is the word for it in help texts, like "path".
func Text(target *string, kind string, checks ...func(string) error) Value {
	return Typed[string]{
		Target: target, Kind: kind, Checks: checks,
		Parse:  func(s string) (string, error) { return s, nil },
		Format: func(s string) string { return s },
	}
}

// Bool is true or false. Its flag needs no value.
func Bool(target *bool) Value {
	return Typed[bool]{
		Target: target, Kind: BoolKind,
		Parse: func(s string) (bool, error) {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return false, errors.New("must be true or false")
			}
			return b, nil
		},
		Format: strconv.FormatBool,
		JSON:   func(raw json.RawMessage) (bool, error) { return DecodeAs[bool](raw, "true or false") },
	}
}

// BoolKind is the [Value.Type] whose flags need no value.
const BoolKind = "bool"

// Number is a whole number.
func Number(target *int, checks ...func(int) error) Value {
	return Typed[int]{
		Target: target, Kind: "number", Checks: checks,
		Parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil {
				return 0, errors.New("must be a whole number")
			}
			return n, nil
		},
		Format: strconv.Itoa,
		JSON:   func(raw json.RawMessage) (int, error) { return DecodeAs[int](raw, "a whole number") },
	}
}

// Duration is a duration with its unit, in Go's format.
func Duration(target *time.Duration, checks ...func(time.Duration) error) Value {
	return Typed[time.Duration]{
		Target: target, Kind: "duration", Checks: checks,
		Parse: func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return 0, errors.New(`must be a duration with its unit, like "1s" or "1m30s"`)
			}
			return d, nil
		},
		Format: time.Duration.String,
	}
}

// List is a list of strings, with commas in text. Kind is the word for it, like "names".
func List(target *[]string, kind string, checks ...func([]string) error) Value {
	return Typed[[]string]{
		Target: target, Kind: kind, Between: ",", Checks: checks,
		Parse:  func(s string) ([]string, error) { return Split(s), nil },
		Format: func(l []string) string { return strings.Join(l, ",") },
		JSON:   func(raw json.RawMessage) ([]string, error) { return DecodeAs[[]string](raw, "a list of strings") },
	}
}

// Split splits text at commas, and trims the spaces around each part. An empty text is an empty
// list.
func Split(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
