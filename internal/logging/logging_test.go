package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/logging"
)

func TestJSON(t *testing.T) {
	for _, format := range []logging.Format{logging.JSON, logging.Auto} { // a buffer is not a terminal
		var out bytes.Buffer
		log := logging.New(&out, slog.LevelInfo, format)
		log.Debug("not this")
		log.Info("call", logging.KeyHook, "Route", logging.KeyDuration, 1500*time.Millisecond, logging.KeyError, errors.New("bad luck"))
		var record map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &record))
		delete(record, "time")
		require.Equal(t, map[string]any{"level": "INFO", "msg": "call", "hook": "Route", "duration": "1.5s", "error": "bad luck"}, record)
	}
}

func TestTextWithoutColourInFiles(t *testing.T) {
	var out bytes.Buffer
	logging.New(&out, slog.LevelDebug, logging.Text).Debug("call", logging.KeyHook, "Route")
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} DBG call hook=Route\n$`, out.String())
}

func TestLevels(t *testing.T) {
	for _, level := range logging.Levels() {
		got, err := logging.ParseLevel(logging.LevelName(level))
		require.NoError(t, err)
		require.Equal(t, level, got)
	}
	_, err := logging.ParseLevel("INFO")
	require.EqualError(t, err, `unknown log level "INFO"`)
}
