package explain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
)

// TestHostile: tenants choose names and values. A terminal must not execute them, and no secret of
// a resource may be printed.
func TestHostile(t *testing.T) {
	evil := `"\e[2J\a\u202e<script>"`
	r := recorded(t, fmt.Sprintf(translation, strings.Join([]string{
		mtls(evil, ref("Gateway", "eg", "")),
		mtlsWith("sink", ref("Gateway", evil, ""), "peers: [{exact: "+evil+"}]"),
	}, ",")))
	for _, q := range []explain.Query{
		{Diff: true},
		{Diff: true, Subject: explain.Subject{Kind: "Gateway"}},
		{Subject: explain.Subject{Kind: "Cluster", Name: "\x1b[2J"}},
		{Subject: explain.Subject{Kind: "BackendMTLSPolicy", Namespace: "\x1b[2J", Name: "\n\n✔"}},
	} {
		report, err := explainer(t).Explain(t.Context(), r, q)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, report.Write(&b, terminal.Style{}))
		j, err := json.Marshal(report)
		require.NoError(t, err)
		require.NotContains(t, b.String()+string(j), "SECRET")
		require.NotContains(t, string(j), "<script>")
		for _, bad := range []string{"\x1b", "\a", "\u202e", "\n\n"} {
			require.NotContains(t, b.String(), bad)
		}
	}
}

// TestBounded: a report of thousands of resources names the first ones and counts the rest.
func TestBounded(t *testing.T) {
	report, err := explainer(t).Explain(t.Context(), large(t, 1500), explain.Query{Diff: true})
	require.NoError(t, err)
	require.Len(t, report.Policies, 1)
	c := report.Policies[0].Changes
	require.Len(t, c.Resources, 1000)
	require.Equal(t, 1500, c.Summary[0].Count)
	require.Positive(t, c.Omitted)
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, terminal.Style{}))
	require.Contains(t, b.String(), fmt.Sprintf("… and %d more", c.Omitted))
}

// large returns a recording of a translation with one policy and many clusters, one route each.
func large(t testing.TB, n int) *recording.Recording {
	t.Helper()
	r := recorded(t, fmt.Sprintf(translation, mtls("p", ref("Gateway", "eg", ""))))
	return enlarged(t, r, n)
}

// TestDocument: the JSON form of a report decodes to the same report.
func TestDocument(t *testing.T) {
	report, err := explainer(t).Explain(t.Context(), large(t, 2), explain.Query{Diff: true, Seen: true})
	require.NoError(t, err)
	text, err := json.Marshal(report)
	require.NoError(t, err)
	again := &explain.Report{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(again))
	twice, err := json.Marshal(again)
	require.NoError(t, err)
	require.Equal(t, string(text), string(twice))
	require.Equal(t, 1, again.Version)
	require.Equal(t, []explain.Target{
		{Kind: "Gateway", Namespace: "default", Name: "eg", Sections: []string{"http"}},
		{Kind: "HTTPRoute", Namespace: "default", Name: "shop", Sections: []string{"cart"}},
	}, again.Seen.Targets)
}

// TestComplete: a custom resource that no call contains is explained from the names in the calls.
func TestComplete(t *testing.T) {
	report, err := explainer(t).Explain(t.Context(), large(t, 1), explain.Query{Seen: true})
	require.NoError(t, err)
	typo, fine := object(t, mtls("typo", ref("Gateway", "egg", ""))), object(t, mtls("p", ref("Gateway", "eg", "")))
	report.Complete([][]byte{typo, fine})
	require.Len(t, report.Policies, 2)
	p := report.Policy(explain.SubjectOf(typo))
	require.Equal(t, explain.StageSent, p.StoppedAt)
	require.Equal(t, "no call of Envoy Gateway contains Gateway default/egg; did you mean Gateway default/eg? (in calls: eg)", p.Stages[1].Summary)
	require.True(t, report.Policy(explain.SubjectOf(fine)).InEffect)
	p.Set(explain.NewStage(explain.StageKnown, explain.Failed, "x"))
	require.Equal(t, explain.StageKnown, p.StoppedAt)
	report.Keep([][]byte{fine})
	require.Len(t, report.Policies, 1)
	require.True(t, report.InEffect())
}

func TestParseObjects(t *testing.T) {
	objects, err := explain.ParseObjects([]byte("# nothing\n---\nkind: A\nmetadata: {name: x}\n---\n{\"kind\": \"B\", \"metadata\": {\"name\": \"y\", \"namespace\": \"z\"}}\n"))
	require.NoError(t, err)
	require.Len(t, objects, 2)
	require.Equal(t, explain.Subject{Kind: "A", Namespace: "default", Name: "x"}, explain.SubjectOf(objects[0]))
	require.Equal(t, explain.Subject{Kind: "B", Namespace: "z", Name: "y"}, explain.SubjectOf(objects[1]))
	for text, want := range map[string]string{
		"kind: A\n---\nx: [SECRET": "document 1: is not a Kubernetes object: apiVersion, kind or metadata.name is missing",
		"x: [SECRET":               "document 1: is not a Kubernetes object",
		"- SECRET":                 "document 1: is not a Kubernetes object",
	} {
		_, err := explain.ParseObjects([]byte(text))
		require.EqualError(t, err, want)
	}
}
