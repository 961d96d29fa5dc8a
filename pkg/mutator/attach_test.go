package mutator_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

var (
	thingKind = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}
	things    = policy.NewKind[map[string]any](thingKind, nil)
)

// candidates returns policies with the text, with their attachment to a route.
func candidates(t *testing.T, n int, text string) (out []policy.Attachment) {
	t.Helper()
	for i := range n {
		s, err := policy.NewSet([]policy.Kind{things}, [][]byte{fmt.Appendf(nil,
			`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":"p%d"},"spec":{"targetRefs":[{"kind":"HTTPRoute","name":"r"}],"text":%q}}`, i, text)})
		require.NoError(t, err)
		out = append(out, policy.Attachment{Object: s.Of(thingKind)[0], Specificity: policy.ToRoute})
	}
	return out
}

// noise is text that compresses to about three quarters.
func noise(n int) string {
	b, random := make([]byte, n), rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[random.IntN(64)]
	}
	return string(b)
}

// TestMarkIsReadAgain: entries are decoded whether they are compressed or not.
func TestMarkIsReadAgain(t *testing.T) {
	for _, n := range []int{0, 300, 2500} {
		text := noise(n)
		all := candidates(t, 4, text)
		m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, all[0], all[1:])
		require.NoError(t, err)
		require.Equal(t, n > 500, strings.HasPrefix(m.Value, "flate:"), n)
		require.True(t, mutator.IsReadable(m))
		require.True(t, mutator.IsEntryOf(thingKind, m))
		found := mutator.DecodeAttached(&mutator.Input{}, things, m)
		require.Len(t, found, 4)
		for i, c := range found {
			require.Equal(t, all[i].String(), c.String())
			require.Equal(t, policy.ToRoute, c.Specificity)
			require.Equal(t, i == 0, c.Content() != nil, "losers have none")
		}
		require.Equal(t, map[string]any{"text": text}, (*policy.As[map[string]any](found[0].Object))["spec"])
		other := policy.NewKind[map[string]any](schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Thing"}, nil)
		require.Nil(t, mutator.DecodeAttached(&mutator.Input{}, other, m))
		require.False(t, mutator.IsEntryOf(other.GroupVersionKind, m))
	}
}

// TestMarkIsSmallOrReadable: an entry is compressed from the size at which it pays off.
func TestMarkIsSmallOrReadable(t *testing.T) {
	overhead := 0
	for n := range 700 {
		all := candidates(t, 1, strings.Repeat("a", n))
		m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, all[0], nil)
		require.NoError(t, err)
		if n == 0 {
			overhead = len(m.Value)
		}
		require.Equal(t, overhead+n > 512, strings.HasPrefix(m.Value, "flate:"), n)
	}
}

// TestMarkHasNotAllLosers: an entry names overridden policies only up to a limit, because there can
// be thousands.
func TestMarkHasNotAllLosers(t *testing.T) {
	for losers, want := range map[int]int{0: 1, 7: 8, 8: 9, 9: 9, 20: 9} {
		all := candidates(t, losers+1, "")
		m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, all[0], all[1:])
		require.NoError(t, err)
		require.Len(t, mutator.DecodeAttached(&mutator.Input{}, things, m), want)
	}
}

// TestMarkHasALimit: an entry of the maximum size is added, and a larger one is not.
func TestMarkHasALimit(t *testing.T) {
	largest := 0
	for n := 2800; n < 3100; n++ {
		all := candidates(t, 1, noise(n))
		m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, all[0], nil)
		if err == nil {
			require.LessOrEqual(t, len(m.Value), mutator.MaxMetadataSize)
			largest = max(largest, len(m.Value))
			continue
		}
		require.ErrorContains(t, err, "Thing ns/p0: takes ")
		require.ErrorContains(t, err, " bytes on each xDS route of its target, more than the 3072 that a policy may take: use shorter or fewer values")
		require.Empty(t, m)
	}
	require.Equal(t, mutator.MaxMetadataSize, largest)
}

// TestMarkOfAnInvalidPolicy: an invalid policy has no entry.
func TestMarkOfAnInvalidPolicy(t *testing.T) {
	all := candidates(t, 1, "")
	all[0].Err = fmt.Errorf("is bad")
	m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, all[0], nil)
	require.EqualError(t, err, "Thing ns/p0: is bad")
	require.Empty(t, m)
}

func compressed(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return "flate:" + base64.RawStdEncoding.EncodeToString(b.Bytes())
}

// endless is compressed text without an end marker.
func endless(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	return "flate:" + base64.RawStdEncoding.EncodeToString(b.Bytes())
}

// TestMarkThatWasLost: an unreadable entry has no policies, and does not release its held route.
func TestMarkThatWasLost(t *testing.T) {
	good := `[{"specificity":3,"name":"ns/p","spec":{}}]`
	for name, c := range map[string]struct {
		value            string
		readable, policy bool
	}{
		"good":                       {good, true, true},
		"good and compressed":        {compressed(t, []byte(good)), true, true},
		"two":                        {`[{"name":"ns/p","spec":{}},{"name":"ns/q"}]`, true, true},
		"nothing":                    {"", false, false},
		"no JSON":                    {"[", false, false},
		"another type":               {`{}`, false, false},
		"no policies":                {"[]", false, false},
		"null":                       {"null", false, false},
		"no content":                 {`[{"specificity":3,"name":"ns/p"}]`, false, false},
		"the second has content":     {`[{"name":"ns/q"},{"name":"ns/p","spec":{}}]`, false, false},
		"no name":                    {`[{"specificity":3,"name":"p","spec":{}}]`, true, false},
		"the second has no name":     {`[{"name":"ns/p","spec":{}},{"name":"q"}]`, true, false},
		"no base64":                  {"flate:!", false, false},
		"compressed otherwise":       {"flate:" + base64.RawStdEncoding.EncodeToString([]byte(good)), false, false},
		"a field of another type":    {`[{"name":"ns/p","generation":"x","spec":{}}]`, false, false},
		"a number among them":        {`[{"name":"ns/p","spec":{}},5]`, false, false},
		"good, and something behind": {compressed(t, []byte(good)) + "!", false, false},
		"good, and no end":           {endless(t, good), false, false},
		"good and cut":               {compressed(t, []byte(good))[:20], false, false},
		"too large to be unpacked":   {compressed(t, append([]byte(good), bytes.Repeat([]byte(" "), 1<<20)...)), true, true},
		"too large, and its end is":  {compressed(t, append(bytes.Repeat([]byte(" "), 1<<20), good...)), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := xds.MetadataEntry{Key: "Thing.example.com", Value: c.value}
			require.Equal(t, c.readable, mutator.IsReadable(m))
			require.Equal(t, c.policy, len(mutator.DecodeAttached(&mutator.Input{}, things, m)) > 0)
			require.True(t, mutator.IsEntryOf(thingKind, m), "of the kind even so")
		})
	}
}

// TestAttached: policies are found by target, the one with precedence first.
func TestAttached(t *testing.T) {
	at := func(name, kind, section string) []byte {
		b, err := json.Marshal(map[string]any{
			"apiVersion": "example.com/v1", "kind": "Thing", "metadata": map[string]any{"namespace": "ns", "name": name},
			"spec": map[string]any{"failurePolicy": name, "targetRefs": []any{map[string]any{"group": policy.GatewayGroup, "kind": kind, "name": "eg", "sectionName": section}}},
		})
		require.NoError(t, err)
		return b
	}
	s, err := policy.NewSet([]policy.Kind{things}, [][]byte{at("all", "Gateway", ""), at("one", "Gateway", "http"), at("route", "HTTPRoute", "")})
	require.NoError(t, err)
	in := &mutator.Input{Objects: s}
	ref := xds.Reference{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}
	names := func(refs ...xds.Reference) (out []string) {
		for _, c := range mutator.Attached(in, thingKind, refs) {
			out = append(out, c.Name)
		}
		return out
	}
	require.Equal(t, []string{"one", "all"}, names(ref))
	require.Equal(t, mutator.FailurePolicy("one"), mutator.FailurePolicyOf(mutator.Attached(in, thingKind, []xds.Reference{ref})))
	ofSet := ref
	ofSet.ListenerSet = "app/set"
	require.Equal(t, []string{"all"}, names(ofSet), "not the Gateway's listener of that name")
	ref.Namespace = "other"
	require.Empty(t, names(ref))
	require.Empty(t, mutator.FailurePolicyOf(nil))
}

// TestHold: a held route is released by the key of its entry.
func TestHold(t *testing.T) {
	r := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}}}
	mutator.Hold(thingKind, r)
	require.NotEqual(t, "c", r.GetRoute().GetCluster())
	m, err := mutator.EncodeAttached(&mutator.Input{}, thingKind, candidates(t, 1, "")[0], nil)
	require.NoError(t, err)
	r.Metadata = xds.SetMetadataEntry(nil, m)
	xds.ReleaseRoutes(&routev3.VirtualHost{Routes: []*routev3.Route{r}}, mutator.IsReadable)
	require.Equal(t, "c", r.GetRoute().GetCluster())
}
