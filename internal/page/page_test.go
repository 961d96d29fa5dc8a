package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/egraft/egraft/internal/page/pagetest"
)

// get requests the page as a browser on this host does.
func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1:19110"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func served(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := get(t, h, path)
	require.Equal(t, 200, w.Code, w.Body.String())
	return w.Body.String()
}

// TestOverview: the overview answers its four questions, each with a command.
func TestOverview(t *testing.T) {
	text := served(t, pagetest.Handler(t, pagetest.World()), "/")
	for _, want := range []string{
		"Does Envoy Gateway call egraft?", "Yes. The last call ended", "Which policies have no effect?", "stops at stage 2", "EGR2",
		"egraft explain backendmtlspolicy/default/typo", "What changed last?", "3 resources", "failed: broken",
		"Is egraft healthy?", "egraft doctor", `href="/explain?subject=gateway%2Fdefault%2Feg"`, "In effect",
	} {
		require.Contains(t, text, want)
	}
}

// TestGateway: the page of a Gateway has stages, differences and history.
func TestGateway(t *testing.T) {
	text := served(t, pagetest.Handler(t, pagetest.World()), "/explain?subject=gateway/default/eg")
	for _, want := range []string{
		"egraft explain --diff gateway/default/eg", "active in Envoy", "What egraft changes", "BackendMTLSPolicy default/fine",
		`<span class="added">`, "History", "/api/v1/calls/c1",
	} {
		require.Contains(t, text, want)
	}
	require.Contains(t, served(t, pagetest.Handler(t, pagetest.World()), "/explain?subject=backendmtlspolicy/default/fine"), "In effect")
}

// TestNothing: a new egraft has no calls yet.
func TestNothing(t *testing.T) {
	text := served(t, pagetest.Handler(t, pagetest.Empty()), "/")
	require.Contains(t, text, "No. There has been no Translation call")
	require.Contains(t, text, "No call in the journal changed anything.")
}

func TestErrors(t *testing.T) {
	h := pagetest.Handler(t, pagetest.World())
	w := get(t, h, "/explain?subject=%3Cscript%3E/a/b")
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "there is no kind")
	require.NotContains(t, w.Body.String(), "<script>")
	require.Equal(t, 404, get(t, h, "/page.html").Code)
	require.Contains(t, served(t, h, "/explain?subject=gateway/default/eg"), "What egraft changes", "an error is not that of the next request")
	require.Equal(t, "text/css; charset=utf-8", get(t, h, "/page.css").Header().Get("Content-Type"))
}

// TestHeaders: the page loads only the style sheet, and no other page may embed or read it.
func TestHeaders(t *testing.T) {
	for _, path := range []string{"/", "/explain", "/explain?subject=x", "/page.css"} {
		h := get(t, pagetest.Handler(t, pagetest.World()), path).Header()
		require.Equal(t, "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"))
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
	}
}

// TestNotLocal: the page has the same access control as the API.
func TestNotLocal(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr, r.Host = "10.0.0.1:1", "127.0.0.1:19110"
	w := httptest.NewRecorder()
	pagetest.Handler(t, pagetest.World()).ServeHTTP(w, r)
	require.Equal(t, 403, w.Code)
}

// hostile are names that malicious tenants could choose.
var hostile = []string{
	`"><script>alert(1)</script><img src=x onerror=alert(1)>` + "\u202e\x1b[2J'`",
	"javascript:alert(1)", "//alert(1).example", "/\\alert(1)", "https://alert(1).example/", "data:text/html,alert(1)",
	`' onmouseover='alert(1)`, `" onmouseover="alert(1)`, "</title><!--alert(1)", "&lt;img src=x onerror=alert(1)&gt;", "../../../alert(1)?#", "\x00\t\nalert(1)",
}

// TestHostile: names that tenants choose create no element, attribute or external link and do not
// change the text direction, and no secret is shown.
func TestHostile(t *testing.T) {
	for _, evil := range hostile {
		t.Run(evil, func(t *testing.T) { testHostile(t, evil) })
	}
}

func testHostile(t *testing.T, evil string) {
	h := pagetest.Handler(t, pagetest.Hostile(evil))
	for _, path := range []string{"/", "/explain", "/explain?subject=gateway/default/" + url.QueryEscape(evil), "/explain?subject=" + url.QueryEscape("backendmtlspolicy/default/"+evil), "/explain?subject=" + url.QueryEscape(evil)} {
		text := get(t, h, path).Body.String()
		if path != "/explain?subject="+url.QueryEscape(evil) { // its kind is unknown, so the page shows only the error
			require.Contains(t, text, "alert(1)", path)
		}
		require.NotContains(t, text, pagetest.Secret)
		for _, bad := range []string{"\u202e", "\x1b", "\x00"} {
			require.NotContains(t, text, bad)
		}
		requireHarmless(t, text)
	}
}

// elements are all HTML elements that pages may contain.
var elements = strings.Fields("a article body code details footer h1 h2 h3 head header html li link main meta nav ol p pre section span strong summary table tbody td th thead time title tr ul div")

// requireHarmless parses the page as a browser does, and checks its content.
func requireHarmless(t *testing.T, text string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			continue
		}
		require.Contains(t, elements, n.Data)
		for _, a := range n.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style", a.Key)
			if a.Key == "href" {
				require.Regexp(t, `^(/($|[a-z])|#|data:,$|https://github\.com/egraft/)`, a.Val)
			}
		}
	}
}

// TestCommands: in the commands on a page, a subject is a single shell word.
func TestCommands(t *testing.T) {
	text := get(t, pagetest.Handler(t, pagetest.World()), "/explain?subject="+url.QueryEscape("gateway/default/a; rm -rf '~'")).Body.String()
	require.Contains(t, text, html.EscapeString(`egraft explain --diff 'gateway/default/a; rm -rf '\''~'\'''`))
}

// TestMany: the size of pages is limited.
func TestMany(t *testing.T) {
	w := pagetest.World()
	w.Policies = 1000
	text := served(t, pagetest.Handler(t, w), "/")
	require.Equal(t, 501, strings.Count(text, "<h3>"), "500 without effect and one with it")
	require.Contains(t, text, "501 more policies are not listed here.")
	require.Less(t, len(text), 2<<20)
}

// TestThousandsOfClusters: the page of a Gateway with 2,000 clusters opens in under a second.
func TestThousandsOfClusters(t *testing.T) {
	w := pagetest.World()
	w.Clusters = 2000
	h := pagetest.Handler(t, w)
	served(t, h, "/")
	began := time.Now()
	text := served(t, h, "/explain?subject=gateway/default/eg")
	took := time.Since(began)
	t.Logf("%v, %d bytes", took, len(text))
	require.Contains(t, text, "more resources are not listed here")
	require.Less(t, took, 30*time.Second, "a bound for machines that do other things, and for the race detector")
}

// BenchmarkGateway opens the page of a Gateway with 2,000 clusters.
func BenchmarkGateway(b *testing.B) {
	w := pagetest.World()
	w.Clusters = 2000
	h := pagetest.Handler(b, w)
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "GET", "/explain?subject=gateway/default/eg", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1:19110"
		out := httptest.NewRecorder()
		h.ServeHTTP(out, r)
		if out.Code != 200 {
			b.Fatal(fmt.Sprint(out.Code))
		}
	}
}

// TestRows: each row of a table has a command that queries the object of the row.
func TestRows(t *testing.T) {
	h := pagetest.Handler(t, pagetest.World())
	for path, want := range map[string][]string{
		"/": {
			`curl -s 127.0.0.1:19110/metrics | grep 'hook="Route"'`, `curl -s 127.0.0.1:19110/metrics | grep 'hook="Translation"'`,
			"curl -s 127.0.0.1:19110/api/v1/calls/c1", "curl -s 127.0.0.1:19110/api/v1/calls/c2",
		},
		"/explain?subject=gateway/default/eg": {
			"egraft explain gateway/default/eg", "egraft explain gateway/default/eg", "egraft explain gateway/default/eg",
			"curl -s 127.0.0.1:19110/api/v1/calls/c1", "curl -s 127.0.0.1:19110/api/v1/calls/c0", "curl -s 127.0.0.1:19110/api/v1/calls/c2",
		},
	} {
		doc, err := html.Parse(strings.NewReader(served(t, h, path)))
		require.NoError(t, err)
		var got []string
		for n := range doc.Descendants() {
			if n.Data == "tr" && n.Parent.Data == "tbody" {
				last := n.LastChild
				require.Equal(t, "td", last.Data)
				require.Equal(t, "code", last.FirstChild.Data)
				got = append(got, last.FirstChild.FirstChild.Data)
			}
		}
		require.Equal(t, want, got, path)
	}
	require.Contains(t, served(t, h, "/explain?subject=gateway/default/eg"), "egraft explain --diff cluster/httproute/default/shop-0/rule/0")
}
