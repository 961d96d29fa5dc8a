package catalog_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/policy"
)

const (
	// largestRead is the maximum size of the objects that FuzzReadingTime reads.
	largestRead = 64 << 10
	// readingTime is the maximum CPU time for an object, many times the usual 2 ms, because
	// processors differ.
	readingTime = 250 * time.Millisecond
	// endless is the timeout for reading an object, even on a busy processor.
	endless = 20 * readingTime
)

// FuzzReadingTime looks for custom resources of built-in kinds, valid or not, that take long to read.
// egraft would abandon such a read, but it would still cost CPU time.
func FuzzReadingTime(f *testing.F) {
	var kinds []policy.Kind
	for _, feature := range catalog.Builtin(catalog.Everything()) {
		kinds = slices.Concat(kinds, feature.Policies, feature.Filters, feature.Backends)
	}
	cases, err := filepath.Glob("../features/*/testdata/*/in.yaml")
	require.NoError(f, err)
	require.Greater(f, len(cases), 20)
	for _, path := range cases {
		calls, err := mutatortest.ReadCalls(path)
		require.NoError(f, err)
		for _, call := range calls {
			for _, object := range call.Objects {
				f.Add(object)
			}
		}
	}
	for _, object := range costly(kinds) {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > largestRead {
			t.Skip("larger than what is asked about")
		}
		requireQuick(t, kinds, raw)
	})
}

// requireQuick reads an object on its own thread, so that the CPU time of other tests does not
// count.
func requireQuick(t *testing.T, kinds []policy.Kind, raw []byte) {
	t.Helper()
	took := make(chan time.Duration, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begin := threadTime()
		_, _ = policy.NewSet(kinds, [][]byte{raw})
		took <- threadTime() - begin
	}()
	select {
	case cpu := <-took:
		require.Less(t, cpu, readingTime, "%d bytes: %.300s", len(raw), raw)
	case <-time.After(endless):
		require.Fail(t, "no end after "+endless.String(), "%d bytes: %.300s", len(raw), raw)
	}
}

// threadTime returns the CPU time of the thread.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// costly returns objects with one potentially slow field each: a number with a large exponent, an
// expression to compile, items to compare with each other, and nested or long values.
func costly(kinds []policy.Kind) (objects []string) {
	const target = `"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}]`
	object := func(kind, spec string) {
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":%q,"metadata":{"name":"p","namespace":"n"},"spec":{%s}}`, kind, spec))
	}
	repeat := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for _, q := range []string{"1e-10000000", "1e10000000", "1e-60000000", "1e999999999", "-1e-9999999", "1e-2147483648", strings.Repeat("9", 60_000), "0." + strings.Repeat("0", 60_000) + "1"} {
		object("BufferPolicy", fmt.Sprintf(`%s,"maxRequestBytes":%q`, target, q))
		object("BufferPolicy", target+`,"maxRequestBytes":`+q)
	}
	for _, piece := range []string{`a{1000}`, `\\pL{1000}`, `(?i:s{1000})`, `[^a]{1000}`, `(a|b|c){333}`, `(?:a?){1000}`, `(\\pL|\\pN|x){333}`, `((a{31}){31})`, `(((((((((a*)*)*)*)*)*)*)*)*)`} {
		regex := `spiffe://a\\.b/` + strings.Repeat(piece, (1024-16)/len(piece))
		object("BackendMTLSPolicy", target+`,"trustDomain":"a.b","workloadIdentifier":"/e","peers":[`+repeat(`{"regex":"`+regex+`"}`, 60)+`]`)
		object("FrontendMTLSPolicy", target+`,"trustDomain":"a.b","workloadIdentifier":"/e","clients":[`+repeat(`{"regex":"`+regex+`"}`, 60)+`]`)
	}
	long := strings.Repeat("1", 60_000)
	object("HedgeFilter", `"perTryTimeout":"`+long+`h"`)
	object("HedgeFilter", `"perTryTimeout":"1s","retryOn":[`+repeat(`"5xx"`, 10_000)+`]`)
	object("OriginalDestinationBackend", `"allowedCIDRs":[`+repeat(`"10.0.0.0/8"`, 4_500)+`],"connectTimeout":"`+"1h"+`"`)
	object("OriginalDestinationBackend", `"allowedCIDRs":["`+long+`/8"]`)
	for _, k := range kinds {
		object(k.Kind, `"targetRefs":[`+repeat(`{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}`, 950)+`]`)
		object(k.Kind, `"targetSelectors":[`+repeat(`{"kind":"Gateway","matchLabels":{"a":"b"}}`, 1_400)+`]`)
		object(k.Kind, `"targetSelectors":[{"kind":"Gateway","matchExpressions":[`+repeat(`{"key":"a","operator":"In","values":["b"]}`, 1_400)+`]}]`)
		object(k.Kind, repeat(`"unknown":1`, 5_000))
		object(k.Kind, `"a":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000))
		object(k.Kind, `"trustDomain":"`+long+`","workloadIdentifier":"`+long[:1000]+`"`)
		object(k.Kind, target+`,"peers":[`+repeat(`{"exact":"spiffe://a.b/c"}`, 2_000)+`]`)
		object(k.Kind, target+`,"trustBundles":[`+repeat(`{"trustDomain":"a.b"}`, 2_000)+`]`)
	}
	return objects
}
