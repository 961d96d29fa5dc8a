package xdspatchpolicy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// page is the user documentation.
const page = "../../../docs/xds-patch-policy.md"

// TestPage: the paths, the error and the rules in the documentation are valid in the code.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(raw)
	for path, patch := range map[string]string{
		"circuit_breakers.thresholds[priority=DEFAULT].max_requests": "{select: {kind: Cluster}, remove: PATH}",
		`request_headers_to_remove["x-a"]`:                           "{select: {kind: Route}, list: {path: PATH, remove: true}}",
		`metadata.filter_metadata["log"]`:                            "{select: {kind: Route}, remove: PATH}",
		"access_log[name=envoy.access_loggers.file].typed_config[@type=envoy.extensions.access_loggers.file.v3.FileAccessLog].path": "{select: {kind: HTTPConnectionManager}, remove: PATH}",
		"self.connect_timeout < duration('5s')": "{select: {kind: Cluster}, when: PATH, merge: {connect_timeout: 1s}}",
		"has(self.route)":                       "{select: {kind: Route}, when: PATH, merge: {route: {timeout: 1s}}}",
		"spec.patches[0].merge: Invalid value: \"max_request_header_kb\": is not a field of HttpConnectionManager; did you mean max_request_headers_kb?": "{select: {kind: HTTPConnectionManager}, merge: {max_request_header_kb: 1}}",
	} {
		require.Contains(t, text, path)
		p := &v1alpha1.XDSPatch{}
		require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(patch, "PATH", "'"+strings.ReplaceAll(path, "'", "''")+"'")), p))
		_, errs := xdspatch.Compile(p, field.NewPath("spec", "patches").Index(0))
		if strings.HasPrefix(path, "spec.") {
			assert.EqualError(t, errs.ToAggregate(), path)
			continue
		}
		assert.Empty(t, errs, path)
	}
	_, rules, _ := strings.Cut(text, "--namespace-rules '")
	rules, _, _ = strings.Cut(rules, "'")
	_, err = tenancy.ParseRules(rules)
	assert.NoError(t, err, rules)
}
