//go:build e2e

package page_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/page/pagetest"
)

const hostileName = `"><script>document.title='taken'</script>` + "\u202e" + `averylongnamewithoutabreakaverylongnamewithoutabreakaverylongnamewithoutabreak`

// addresses returns the addresses of pages of some worlds.
func addresses(t *testing.T) map[string]string {
	t.Helper()
	serve := func(w pagetest.Invented) string {
		s := httptest.NewServer(pagetest.Handler(t, w))
		t.Cleanup(s.Close)
		return s.URL
	}
	world, hostile, empty := serve(pagetest.World()), serve(pagetest.Hostile(hostileName)), serve(pagetest.Empty())
	return map[string]string{
		"overview": world + "/", "gateway": world + "/explain?subject=gateway/default/eg", "policies": world + "/explain", "error": world + "/explain?subject=x",
		"hostile": hostile + "/", "hostile-policy": hostile + "/explain?subject=" + url.QueryEscape("backendmtlspolicy/default/"+hostileName), "empty": empty + "/",
	}
}

// TestBrowser opens the pages in Chromium, at the widths of a phone and of a desktop, light and
// dark, with all details open: no violation of axe-core's rules, no horizontal scrolling, and no
// script. EGRAFT_SCREENSHOTS names a directory for screenshots.
func TestBrowser(t *testing.T) {
	script, b := axe(t), chromium(t)
	for name, address := range addresses(t) {
		for _, width := range []int{360, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				title := fmt.Sprintf("%s-%d-%s", name, width, scheme)
				b.look(address, width, scheme)
				b.eval(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
				b.screenshot(title)
				var heading string
				b.eval(`document.querySelector("h1").textContent`, &heading)
				require.Equal(t, name == "error" || name == "hostile-policy", heading == "This cannot be shown", title)
				var wide int
				b.eval(`document.documentElement.scrollWidth`, &wide)
				require.LessOrEqual(t, wide, width, title)
				var scripts int
				b.eval(`document.scripts.length`, &scripts)
				require.Zero(t, scripts, title)
				b.eval(script, nil)
				var violations []string
				b.eval(`axe.run().then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.html).slice(0, 3).join(" ")))`, &violations)
				require.Empty(t, violations, title)
			}
		}
	}
}

// TestKeyboard: the first Tab focuses the link to the content, and the focused element is visibly marked.
func TestKeyboard(t *testing.T) {
	b := chromium(t)
	b.look(addresses(t)["gateway"], 1280, "light")
	var seen []string
	for range 6 {
		b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
		b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
		var at string
		b.eval(`(e => e.textContent + (getComputedStyle(e).outlineStyle === "solid" && e.getBoundingClientRect().left >= 0 ? " visible" : " hidden"))(document.activeElement)`, &at)
		seen = append(seen, at)
	}
	require.Equal(t, []string{
		"Skip to content visible", "egraft visible", "Overview visible", "All policies visible",
		"BackendMTLSPolicy default/fine visible", "BackendMTLSPolicy default/typo visible",
	}, seen)
}

// screenshot takes a screenshot of the whole page.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("EGRAFT_SCREENSHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	require.NoError(b.t, json.Unmarshal(b.do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}), &r))
	picture, err := base64.StdEncoding.DecodeString(r.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}
