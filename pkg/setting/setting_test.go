package setting

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTextAndBack: Set parses the text that String returns.
func TestTextAndBack(t *testing.T) {
	for text, value := range map[string]Value{
		"/run/x": Text(new(string), "path"), "true": Bool(new(bool)), "-3": Number(new(int)),
		"1m30s": Duration(new(time.Duration)), "a,b": List(new([]string), "names"),
	} {
		require.NoError(t, value.Set(text), text)
		require.Equal(t, text, value.String())
	}
}

func TestJSONIsStricterThanText(t *testing.T) {
	for want, test := range map[string]struct {
		value Value
		raw   string
	}{
		"must be a string":                                       {Text(new(string), "path"), "1"},
		"must be true or false":                                  {Bool(new(bool)), `"true"`},
		"must be a whole number":                                 {Number(new(int)), `"1"`},
		"must be a list of strings":                              {List(new([]string), "names"), "null"},
		`must be a duration with its unit, like "1s" or "1m30s"`: {Duration(new(time.Duration)), `"1"`},
	} {
		require.EqualError(t, test.value.Decode(json.RawMessage(test.raw)), want)
	}
}

// TestChecks: all checks apply to text and to the file, and an invalid value is not stored.
func TestChecks(t *testing.T) {
	host := "default"
	v := Text(&host, "name",
		func(s string) error {
			if strings.Contains(s, " ") {
				return errors.New("must not have spaces")
			}
			return nil
		},
		func(s string) error {
			if strings.ToLower(s) != s {
				return errors.New("must be lower case")
			}
			return nil
		})
	require.EqualError(t, v.Set("A b"), "must not have spaces\nmust be lower case")
	require.EqualError(t, v.Decode(json.RawMessage(`"A"`)), "must be lower case")
	require.Equal(t, "default", host)
	require.NoError(t, v.Decode(json.RawMessage(`"a"`)))
	require.Equal(t, "a", host)
}

// TestTypeOfOneself: a type that the package lacks, with its own form in the file.
func TestTypeOfOneself(t *testing.T) {
	var month time.Month
	v := Typed[time.Month]{
		Target: &month, Kind: "month", Format: time.Month.String,
		Parse: func(s string) (time.Month, error) {
			for m := time.January; m <= time.December; m++ {
				if m.String() == s {
					return m, nil
				}
			}
			return 0, errors.New("must be the name of a month")
		},
		JSON: func(raw json.RawMessage) (time.Month, error) {
			return DecodeAs[time.Month](raw, "the number of a month")
		},
	}
	require.NoError(t, v.Set("May"))
	require.Equal(t, time.May, month)
	require.NoError(t, v.Decode(json.RawMessage("6")))
	require.Equal(t, "June", v.String())
	require.EqualError(t, v.Set("may"), "must be the name of a month")
	require.Empty(t, Typed[int]{}.String(), "as a help text asks for the zero value")
}
