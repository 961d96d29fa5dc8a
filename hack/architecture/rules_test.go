package architecture

import "regexp"

// mayImport lists for each package of this module the packages of this module that its
// code, tests aside, may import. A pattern that ends in /... stands for everything below.
// A package without a line is an error: think about where it belongs, then add one.
//
// The order is from the outside in, along the path of a request. A package does not import packages
// listed above it.
var mayImport = []struct {
	pkg     string
	imports []string
}{
	{"cmd/egraft", []string{"pkg/cli", "pkg/catalog"}},
	{"pkg/cli", []string{
		"internal/config", "internal/logging", "internal/page", "internal/telemetry", "internal/tracing", "internal/version", "internal/kube", "pkg/catalog",
		"internal/server", "internal/extension", "internal/engine", "pkg/policy", "pkg/mutator", "internal/wire", "internal/tenancy",
		"internal/journal", "internal/recording", "internal/replay",
		"pkg/feature", "internal/render", "internal/plan", "internal/objectfile", "internal/diff", "internal/redact", "internal/wiring", "internal/admin", "internal/doctor", "internal/survey", "internal/cluster", "internal/terminal", "internal/finding",
		"internal/bundle", "internal/convert", "internal/envoyadmin", "internal/explain", "internal/outside", "internal/recording", "internal/manifest", "internal/builder", "internal/scaffold", "internal/cases", "crds",
	}},

	// What every server has. These packages know only the names and hooks of mutators.
	{"internal/server", []string{"internal/logging", "internal/unixsocket"}},
	{"internal/telemetry", []string{"internal/version", "pkg/mutator"}},
	{"internal/tracing/tracingtest", nil},
	{"internal/tracing", []string{"internal/logging", "internal/engine", "pkg/mutator"}},
	{"internal/config", []string{"internal/logging", "pkg/mutator", "internal/quantity", "internal/unixsocket", "pkg/setting", "internal/tenancy"}},
	{"internal/logging", nil},
	{"internal/version", nil},
	{"internal/kube", []string{"internal/finding", "internal/logging", "pkg/mutator"}},

	// The path of a request.
	{"internal/extension", []string{"internal/engine", "internal/finding", "internal/tracing", "internal/sandbox", "pkg/policy", "pkg/mutator", "internal/wire", "internal/logging"}},
	{"internal/engine", []string{"internal/cache", "internal/packed", "internal/sandbox", "pkg/mutator", "pkg/policy", "pkg/xds", "internal/wire"}},
	{"internal/cache", nil},
	{"internal/sandbox", nil},
	{"internal/wire", []string{"pkg/xds"}},

	// Reports on what egraft did.
	{"internal/finding", nil},
	{"internal/terminal", nil},
	{"internal/page/pagetest", []string{"..."}},
	{"internal/cluster/clustertest", nil},
	{"internal/typedconfig/typedconfigtest", nil},
	{"internal/page", []string{"internal/admin", "internal/diff", "internal/doctor", "internal/explain", "internal/finding", "internal/recording", "pkg/mutator"}},
	{"internal/explain", []string{
		"internal/admin", "internal/callfile", "internal/diff", "internal/engine", "internal/finding", "internal/recording", "internal/redact", "internal/terminal",
		"internal/wire", "pkg/mutator", "pkg/policy", "pkg/xds",
	}},
	{"internal/cluster", nil},
	{"internal/bundle", []string{"internal/terminal"}},
	{"internal/outside", []string{
		"internal/cluster", "internal/envoyadmin", "internal/explain", "internal/finding", "internal/known", "internal/terminal", "internal/wiring",
	}},
	{"internal/known", []string{"internal/finding", "internal/terminal", "internal/version", "internal/wiring"}},
	{"internal/envoyadmin", []string{"internal/callfile", "internal/diff", "internal/envoyapi", "internal/finding", "internal/redact", "internal/terminal", "pkg/mutator"}},
	{"internal/admin", nil},
	{"internal/survey", []string{"crds", "internal/envoyadmin", "internal/cluster", "internal/doctor", "internal/wiring"}},
	{"internal/doctor", []string{"internal/envoyadmin", "internal/finding", "internal/terminal", "internal/version", "internal/wiring", "pkg/mutator"}},
	{"internal/wiring", []string{"pkg/mutator", "pkg/policy"}},
	{"internal/manifest", []string{"deploy/component", "internal/version", "pkg/mutator", "pkg/policy"}},
	{"deploy/component", nil},
	{"internal/builder", nil},
	{"internal/scaffold", []string{"pkg/mutator"}},
	{"internal/cases", []string{"internal/callfile", "internal/engine", "internal/recording", "pkg/mutator", "pkg/policy", "pkg/xds"}},
	{"internal/plan", []string{"internal/callfile", "internal/objectfile", "internal/diff", "internal/engine", "internal/envoyapi", "internal/recording", "internal/redact", "internal/terminal", "pkg/mutator", "pkg/policy", "pkg/xds"}},
	{"internal/convert", []string{
		"internal/engine", "internal/envoyapi", "internal/envoyfilter", "internal/objectfile", "internal/redact", "internal/tenancy", "internal/terminal",
		"internal/typedconfig", "internal/xdspatch", "pkg/httpfilter", "pkg/mutator", "pkg/policy", "pkg/xds", "pkg/apis/...",
	}},
	{"internal/render", []string{"internal/callfile", "internal/objectfile", "internal/engine", "internal/envoyapi", "pkg/mutator", "pkg/policy", "pkg/xds"}},
	{"internal/diff", []string{"internal/redact"}},
	{"internal/redact", []string{"internal/envoyapi"}},
	{"internal/redact/redacttest", []string{"internal/redact", "internal/envoyapi"}},
	{"internal/envoyapi", nil},
	{"internal/replay", []string{"internal/recording", "internal/callfile", "internal/diff", "internal/engine", "internal/extension", "internal/terminal", "pkg/mutator"}},
	{"internal/journal", []string{"internal/recording", "internal/callfile", "internal/engine", "internal/redact", "internal/wire", "internal/logging", "pkg/mutator"}},
	{"internal/recording", []string{"internal/callfile", "internal/engine", "pkg/mutator"}},
	{"internal/objectfile", []string{"pkg/xds"}},
	{"internal/callfile", []string{"internal/engine", "internal/envoyapi", "internal/wire", "pkg/mutator"}},

	// What the author of a mutator sees. It must not import any of the above.
	{"pkg/catalog", []string{"pkg/features/...", "pkg/mutator", "pkg/policy", "internal/tenancy"}},
	{"pkg/features/...", []string{"pkg/attach", "pkg/mutator", "pkg/policy", "internal/duration", "internal/envoyfilter", "internal/filterspec", "internal/quantity", "internal/typedconfig", "internal/xdspatch", "pkg/spiffe", "internal/tenancy", "pkg/httpfilter", "pkg/xds", "pkg/apis/..."}},
	{"pkg/attach", []string{"pkg/httpfilter", "pkg/mutator", "pkg/policy", "pkg/xds", "pkg/apis/..."}},
	{"pkg/feature", []string{"pkg/mutator", "pkg/setting"}},
	{"pkg/setting", nil},
	{"pkg/mutator", []string{"pkg/policy", "pkg/xds", "internal/packed"}},
	{"internal/tenancy", []string{"internal/duration", "internal/envoyfilter", "internal/filterspec", "internal/typedconfig", "internal/xdspatch", "pkg/policy", "pkg/spiffe", "pkg/apis/..."}},
	{"pkg/policy", []string{"pkg/apis/..."}},
	{"internal/xdspatch", []string{"internal/envoyapi", "internal/envoyfilter", "internal/typedconfig", "pkg/apis/..."}},
	{"internal/filterspec", []string{"internal/envoyfilter", "internal/typedconfig", "pkg/httpfilter", "pkg/apis/..."}},
	{"internal/envoyfilter", []string{"internal/envoyapi"}},
	{"internal/typedconfig", []string{"internal/envoyapi"}},
	{"internal/duration", nil},
	{"internal/quantity", nil},
	{"internal/packed", nil},
	{"internal/unixsocket", nil},
	{"pkg/spiffe", []string{"internal/duration", "internal/unixsocket", "pkg/xds", "pkg/apis/..."}},
	{"pkg/httpfilter", []string{"pkg/xds"}},
	{"pkg/xds", []string{"internal/unixsocket"}},
	{"pkg/apis/...", []string{"pkg/apis/..."}},

	// The conformance kit runs a mutator as egraft does.
	{"pkg/mutator/mutatortest", []string{"internal/callfile", "pkg/mutator", "internal/engine", "internal/sandbox", "pkg/policy", "pkg/xds", "internal/wire"}},

	// The harness for authors' tests on the real Envoy. The product does not import it.
	{"pkg/e2etest", []string{"internal/envoyapi", "e2e/netns", "e2e/parts", "e2e/process", "e2e/standalone"}},

	// Code around the product may import all of it.
	{"e2e/...", []string{"..."}},
	{"hack/...", []string{"..."}},
	{"crds", []string{"..."}},
	{"deploy", []string{"..."}},
}

// ban excludes imports and functions from packages.
type ban struct {
	// in lists the packages to which the ban applies, and except the exceptions.
	in, except []string
	// reach extends the ban to all packages of this module that the packages import, directly or
	// indirectly. It does not follow imports into other modules.
	reach bool
	// imports lists forbidden imports, and allow exceptions to them.
	imports, allow []string
	// uses lists forbidden functions by import path.
	uses map[string][]string
	// tests extends the ban to tests.
	tests  bool
	reason string
}

var bans = []ban{
	{
		in: []string{"..."}, except: []string{"internal/kube", "internal/cluster", "e2e/...", "hack/..."},
		imports: []string{"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/..."},
		reason:  "only internal/kube, for serve, and internal/cluster, for commands, talk to an API server, so that egraft runs without one",
	},
	{
		in: []string{"cmd/...", "internal/...", "pkg/..."}, except: []string{"pkg/e2etest"},
		imports: []string{module + "/e2e/...", module + "/hack/..."}, tests: true,
		reason: "the product does not depend on what tests it; use pkg/mutator/mutatortest or move what is shared",
	},
	{
		in: []string{"pkg/features/..."}, reach: true,
		imports: []string{
			"google.golang.org/grpc/...", "k8s.io/client-go/...",
			"os/...", "io/ioutil", "net/...", "syscall", "golang.org/x/sys/...", "plugin",
		},
		allow:  []string{"net/netip", "net/url"}, // they parse, and touch no network
		reason: "a mutator answers from its input alone: a file, a connection or an API server may hang or fail in the middle of Envoy Gateway's translation",
	},
	{
		in: []string{"pkg/features/..."}, reach: true,
		imports: []string{"math/rand/...", "crypto/rand", "hash/maphash", "github.com/google/uuid", "k8s.io/apimachinery/pkg/util/rand", "k8s.io/apimachinery/pkg/util/uuid"},
		reason:  "the same input must give the same bytes, or Envoy replaces resources that did not change",
	},
	{
		in: []string{"pkg/features/..."}, reach: true,
		uses: map[string][]string{
			"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
			"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
		},
		reason: "the same input must give the same bytes at any time; the engine has the deadline",
	},
	{
		in: []string{"internal/page"},
		uses: map[string][]string{
			"maragu.dev/gomponents":      {"Raw", "Rawf"},
			"maragu.dev/gomponents/html": {"Script", "StyleEl", "Style", "StyleAttr"},
		},
		reason: "what the page shows is text of tenants: it is escaped, and in no script or style, where that does not suffice",
	},
}

// fact is a constant that only one package may state; all others refer to that package.
type fact struct {
	// literal matches Go literals that state the fact. Comments, tests and generated code are not
	// checked.
	literal *regexp.Regexp
	home    string
	what    string
}

var facts = []fact{
	{regexp.MustCompile(`\b10[78]\b`), "internal/unixsocket", "the longest path of a Unix socket is MaxPath"},
	{regexp.MustCompile(`h\|m\|s\|ms`), "internal/duration", "the format of Gateway API's durations is Pattern"},
	{regexp.MustCompile(`Post\w+Modify|EnvoyGatewayExtension`), "internal/extension", "the gRPC methods of hooks are FullMethod"},
	{regexp.MustCompile(`^"(unchanged|call-failed|panicked|timed-out|quarantined|name-conflict)"$`), "internal/engine", "results are those of ResultsOf"},
	{regexp.MustCompile(`^"(repeated|outdated)"$`), "internal/kube", "results of writes are those of Results"},
	{regexp.MustCompile(`^253$`), "k8s.io/apimachinery/pkg/util/validation", "the longest name of a resource is DNS1123SubdomainMaxLength"},
}

// Sizes of files, from the house style.
const (
	maxLines     = 400
	maxMainLines = 40 // of cmd/*: anything more belongs in pkg/cli, where it has tests
)
