package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unpack returns the files of a bundle.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	out := map[string]string{}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		text, err := io.ReadAll(files)
		require.NoError(t, err)
		out[h.Name] = string(text)
	}
}

func TestBundle(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, "egraft", time.Unix(0, 0))
	b.JSON("a.json", map[string]int{"x": 1}, nil)
	b.JSON("b.json", nil, errors.New("forbidden\x1b[2J"))
	b.Text("c.log", []byte("part"), fmt.Errorf("log: %w", ErrCut))
	require.NoError(t, b.Close())
	require.Equal(t, map[string]string{
		"egraft/a.json": "{\n  \"x\": 1\n}\n", "egraft/c.log": "part",
		"egraft/missing.txt": `b.json: forbidden\x1b[2J` + "\nc.log: log: is truncated: it is too large\n",
	}, unpack(t, out.Bytes()))
	require.Equal(t, "a_b.c_1", Name("a/b.c:1"))
	out.Reset()
	b = New(&out, "egraft", time.Unix(0, 0))
	require.NoError(t, b.Close())
	require.Equal(t, "Nothing is missing.\n", unpack(t, out.Bytes())["egraft/missing.txt"])
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"policy programmed gateway=default/eg":                                           "policy programmed gateway=default/eg",
		"-----BEGIN RSA PRIVATE KEY-----\nKEY\n-----END RSA PRIVATE KEY-----":            "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----",
		`{"privateKey":{"inlineBytes":"KEY=="},"name":"a"}`:                              `{"privateKey":{"inlineBytes":"[redacted]"},"name":"a"}`,
		`{"msg":"{\"inline_string\":\"KEY\",\"x\":1}"}`:                                  `{"msg":"{\"inline_string\":\"[redacted]\",\"x\":1}"}`,
		`inline_string: "KEY"`:                                                           `inline_string: "[redacted]"`,
		"authorization: Bearer KEY12345678":                                              "authorization: Bearer [redacted]",
		"redis://user:KEY@redis:6379":                                                    "redis://user:[redacted]redis:6379",
		"got eyJhbGciOiJSUzI1NiJ9.KEY.KEY now":                                           "got [redacted] now",
		`password=KEY "clientSecret":"KEY"`:                                              `password=[redacted] "clientSecret":"[redacted]"`,
		"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE----- is no secret token": "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE----- is no secret token",
	} {
		require.Equal(t, want, string(Clean([]byte(text))))
	}
}
