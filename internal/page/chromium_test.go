//go:build e2e

package page_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// axe-core from the npm registry. It is only used here, and not committed.
const (
	axePackage = "axe-core@4.14.1"
	axeHash    = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
)

// missing skips a test on a developer's machine. CI installs the requirements and must not skip.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// axe returns the script, after checking its version and hash.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "pack", "--silent", axePackage)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, "npm pack "+axePackage+": "+err.Error()+" "+string(out))
	}
	archive, err := os.ReadFile(filepath.Join(dir, "axe-core-4.14.1.tgz"))
	require.NoError(t, err)
	hash := sha256.Sum256(archive)
	require.Equal(t, axeHash, hex.EncodeToString(hash[:]))
	z, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		require.NoError(t, err)
		if h.Name == "package/axe.min.js" {
			script, err := io.ReadAll(r)
			require.NoError(t, err)
			return string(script)
		}
	}
}

// browser is a tab of Debian's Chromium, controlled by its DevTools protocol.
// https://chromedevtools.github.io/devtools-protocol/
type browser struct {
	t    *testing.T
	conn *websocket.Conn
	id   int
}

func chromium(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "apt-get install chromium: "+err.Error())
	}
	dir, err := os.MkdirTemp("", "egraft-page-") //nolint:usetesting // a process may still write into it at the end
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--remote-debugging-port=0", "--user-data-dir="+dir, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children, too: they write into the directory
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "DevTools listening on ws://"); found {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			host, _, _ := strings.Cut(address, "/")
			return open(t, host)
		}
	}
	t.Fatal("Chromium ended before it listened")
	return nil
}

// open connects to the first tab.
func open(t *testing.T, host string) *browser {
	t.Helper()
	answer, err := http.Get("http://" + host + "/json/list")
	require.NoError(t, err)
	defer answer.Body.Close()
	var tabs []struct {
		Type string
		URL  string `json:"webSocketDebuggerUrl"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&tabs))
	for _, tab := range tabs {
		if tab.Type == "page" {
			conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), tab.URL, nil)
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			return &browser{t: t, conn: conn}
		}
	}
	t.Fatal("Chromium has no tab")
	return nil
}

// do calls a method and returns its result.
func (b *browser) do(method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	b.id++
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	deadline, _ := ctx.Deadline()
	require.NoError(b.t, errors.Join(b.conn.SetReadDeadline(deadline), b.conn.SetWriteDeadline(deadline)))
	require.NoError(b.t, b.conn.WriteJSON(map[string]any{"id": b.id, "method": method, "params": params}))
	for {
		var m struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		require.NoError(b.t, b.conn.ReadJSON(&m))
		if m.ID == b.id {
			require.Nil(b.t, m.Error, method)
			return m.Result
		}
	}
}

// eval evaluates an expression, and awaits a promise. The page's Content-Security-Policy does not affect it.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	require.NoError(b.t, json.Unmarshal(b.do("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}), &r))
	require.Empty(b.t, string(r.ExceptionDetails))
	if into != nil {
		require.NoError(b.t, json.Unmarshal(r.Result.Value, into), string(r.Result.Value))
	}
}

// look opens an address with a width and a colour scheme.
func (b *browser) look(address string, width int, scheme string) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false})
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}})
	b.do("Page.navigate", map[string]any{"url": address})
	b.eval(`new Promise(done => document.readyState === "complete" ? done(0) : addEventListener("load", () => done(0)))`, nil)
	var at string
	b.eval(`location.href`, &at)
	require.Equal(b.t, address, at)
}
