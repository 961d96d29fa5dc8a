//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/kube"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// testFilter is a kind whose status egraft writes.
const testFilter = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: testfilters.test.egraft.io}
spec:
  group: test.egraft.io
  scope: Namespaced
  names: {kind: TestFilter, plural: testfilters}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
          status:
            type: object
            properties:
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status, reason, message, lastTransitionTime]
                  properties:
                    type: {type: string}
                    status: {type: string}
                    reason: {type: string}
                    message: {type: string}
                    observedGeneration: {type: integer, format: int64}
                    lastTransitionTime: {type: string, format: date-time}
`

// outcomesRole has the permissions that egraft needs according to docs/policy-outcomes.md.
const outcomesRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: outcomes}
rules:
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
- {apiGroups: [test.egraft.io], resources: [testfilters], verbs: [get]}
- {apiGroups: [test.egraft.io], resources: [testfilters/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: outcomes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: outcomes}
subjects: [{kind: ServiceAccount, namespace: default, name: egraft}]
`

const mtlsPolicy = `
apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {namespace: default, name: %s}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  allowAnyInTrustDomain: true
`

// The resources that the test reads.
var (
	testFilters         = schema.GroupVersionResource{Group: "test.egraft.io", Version: "v1", Resource: "testfilters"}
	mtlsPolicies        = schema.GroupVersionResource{Group: "egraft.io", Version: "v1alpha1", Resource: "backendmtlspolicies"}
	destinationBackends = schema.GroupVersionResource{Group: "egraft.io", Version: "v1alpha1", Resource: "originaldestinationbackends"}
	eventResource       = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
)

// outcomes is an API server and its writers.
type outcomes struct {
	*apiserver.Server
	t          *testing.T
	kubeconfig string // of egraft's ServiceAccount
}

// TestOutcomesInKubernetes runs against a real API server without nodes.
func TestOutcomesInKubernetes(t *testing.T) {
	server := startServer(t)
	o := &outcomes{Server: server, t: t}
	var err error
	o.kubeconfig, err = server.ServiceAccount("default", "egraft")
	require.NoError(t, err)
	o.apply(testFilter + "---" + outcomesRole)
	define(t, server)

	t.Run("at once", func(t *testing.T) {
		for name, part := range map[string]func(*outcomes){
			"two replicas write an Event once":        (*outcomes).eventsOfReplicas,
			"an Event is true again":                  (*outcomes).eventAgain,
			"two replicas do not fight over status":   (*outcomes).conditionsOfReplicas,
			"a generation is not described by an old": (*outcomes).conditionsOfGenerations,
			"permissions are missing":                 (*outcomes).permissions,
			"a backend says why it is not in effect":  (*outcomes).conditionsOfBackend,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				of := *o
				of.t = t
				part(&of)
			})
		}
	})
	t.Run("egraft serves, with and without the API server", func(t *testing.T) {
		of := *o
		of.t = t
		of.wholeWay()
	})
}

// get returns an object in namespace "default".
func (o *outcomes) get(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	o.t.Helper()
	object, err := o.Admin.Objects.Resource(resource).Namespace(metav1.NamespaceDefault).Get(o.t.Context(), name, metav1.GetOptions{})
	require.NoError(o.t, err)
	return object
}

// sent returns an object as Envoy Gateway sends it in a hook call.
func (o *outcomes) sent(resource schema.GroupVersionResource, name string) []byte {
	o.t.Helper()
	text, err := o.get(resource, name).MarshalJSON()
	require.NoError(o.t, err)
	return text
}

// described requires that `kubectl describe` of a filter has lines, if kubectl is there.
func (o *outcomes) described(name string, lines ...string) {
	o.t.Run("kubectl describe", func(t *testing.T) {
		needsKubectl(t)
		out, err := o.Kubectl.Run(t.Context(), "describe", "testfilter", name)
		require.NoError(t, err)
		for _, line := range lines {
			require.Regexp(t, line, out)
		}
	})
}

func (o *outcomes) apply(manifests string) {
	o.t.Helper()
	require.NoError(o.t, o.Admin.Apply(o.t.Context(), manifests))
}

// filter creates a filter and returns it as in a hook call.
func (o *outcomes) filter(name string, size int) *policy.Object {
	o.t.Helper()
	o.apply(fmt.Sprintf("{apiVersion: test.egraft.io/v1, kind: TestFilter, metadata: {namespace: default, name: %s}, spec: {size: %d}}", name, size))
	gvk := schema.GroupVersionKind{Group: "test.egraft.io", Version: "v1", Kind: "TestFilter"}
	kind := policy.NewKind[struct {
		metav1.TypeMeta
		metav1.ObjectMeta `json:"metadata"`
		Spec, Status      map[string]any
	}](gvk, nil).WithConditions("testfilters")
	set, err := policy.NewSet([]policy.Kind{kind}, [][]byte{o.sent(testFilters, name)})
	require.NoError(o.t, err)
	require.Len(o.t, set.Of(gvk), 1)
	return set.Of(gvk)[0]
}

// replica is a publisher and its counters.
type replica struct {
	*kube.Publisher
	mu     sync.Mutex
	counts map[string]int
	log    strings.Builder
	stop   func()
}

// Written implements [kube.Observer].
func (r *replica) Written(what, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what+" "+result]++
}

// Dropped implements [kube.Observer].
func (r *replica) Dropped() { r.Written("dropped", "") }

// settled returns the number of outcomes that need no more work.
func (r *replica) settled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for result, count := range r.counts {
		if !strings.HasSuffix(result, "conflict") && !strings.HasSuffix(result, "unavailable") {
			n += count
		}
	}
	return n
}

// total adds up the counters of replicas.
func total(result string, replicas ...*replica) (n int) {
	for _, r := range replicas {
		r.mu.Lock()
		n += r.counts[result]
		r.mu.Unlock()
	}
	return n
}

// replica runs a publisher until the test ends.
func (o *outcomes) replica(name, kubeconfig string) *replica {
	o.t.Helper()
	r := &replica{counts: map[string]int{}}
	var err error
	r.Publisher, err = kube.New(kube.Config{Kubeconfig: kubeconfig, Instance: name, Observer: r, Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	require.NoError(o.t, err)
	ctx, cancel := context.WithCancel(o.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	r.stop = func() { cancel(); <-ended }
	o.t.Cleanup(r.stop)
	return r
}

// wait waits until each replica has processed the given number of outcomes.
func (o *outcomes) wait(n int, replicas ...*replica) {
	o.t.Helper()
	o.until(fmt.Sprintf("%d outcomes", n), func(context.Context) error {
		for _, r := range replicas {
			if got := r.settled(); got < n {
				return fmt.Errorf("%d of %d outcomes are settled", got, n)
			}
		}
		return nil
	})
}

func (o *outcomes) until(what string, condition func(context.Context) error) {
	o.t.Helper()
	ctx, cancel := context.WithTimeoutCause(o.t.Context(), patience, errors.New("it took too long"))
	defer cancel()
	require.NoError(o.t, process.Poll(ctx, what, condition))
}

// eventsOf returns the Events of an object, sorted: "type reason note", with " xCOUNT" for a series.
func (o *outcomes) eventsOf(name string) []string {
	o.t.Helper()
	list, err := o.Admin.Objects.Resource(eventResource).Namespace(metav1.NamespaceDefault).List(o.t.Context(), metav1.ListOptions{FieldSelector: "regarding.name=" + name})
	require.NoError(o.t, err)
	var out []string
	for _, item := range list.Items {
		var event eventsv1.Event
		require.NoError(o.t, runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &event))
		text := event.Type + " " + event.Reason + " " + event.Note
		if event.Series != nil {
			text += fmt.Sprintf(" x%d", event.Series.Count)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func (o *outcomes) eventsOfReplicas() {
	filter := o.filter("events", 1)
	a, b := o.replica("a", o.kubeconfig), o.replica("b", o.kubeconfig)
	for _, r := range []*replica{a, b} {
		r.Publish("default/one", []mutator.PolicyOutcome{{Policy: filter, Reason: mutator.Programmed, Message: "works"}})
		r.Publish("default/two", []mutator.PolicyOutcome{{Policy: filter, Reason: mutator.Conflicted, Message: "another is older"}})
	}
	o.wait(3, a, b) // two Events and the conditions
	require.Equal(o.t, []string{"Normal Programmed EGR300: works (Gateway default/one)", "Warning Conflicted EGR302: another is older (Gateway default/two)"}, o.eventsOf("events"))
	require.Equal(o.t, []int{2, 2}, []int{total("event written", a, b), total("event present", a, b)})
	o.described("events", `Warning +Conflicted +\S+ +egraft.io/egraft +EGR302: another is older \(Gateway default/two\)`,
		`Normal +Programmed +\S+ +egraft.io/egraft +EGR300: works \(Gateway default/one\)`)
}

func (o *outcomes) eventAgain() {
	filter := o.filter("again", 1)
	filter.ConditionsOf = ""
	r := o.replica("a", o.kubeconfig)
	for i, reason := range []mutator.Reason{mutator.Programmed, mutator.Invalid, mutator.Programmed} {
		r.Publish("", []mutator.PolicyOutcome{{Policy: filter, Reason: reason, Message: "m"}})
		o.wait(i+1, r)
	}
	require.ElementsMatch(o.t, []string{"Normal Programmed EGR300: m x2", "Warning Invalid EGR301: m"}, o.eventsOf("again"))
	o.described("again", `Normal +Programmed +\S+ \(x2 over \S+\) +egraft.io/egraft +EGR300: m`)
}

// conditionsOf returns the conditions of a filter: "type=status reason message generation".
func (o *outcomes) conditionsOf(name string) (out []string) {
	o.t.Helper()
	for _, c := range o.conditions(testFilters, name) {
		out = append(out, fmt.Sprintf("%s=%s %s %s %d", c.Type, c.Status, c.Reason, c.Message, c.ObservedGeneration))
	}
	return out
}

// conditions returns the conditions of an object.
func (o *outcomes) conditions(resource schema.GroupVersionResource, name string) []metav1.Condition {
	o.t.Helper()
	var object struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	require.NoError(o.t, json.Unmarshal(o.sent(resource, name), &object))
	return object.Status.Conditions
}

func (o *outcomes) version(name string) string {
	return o.get(testFilters, name).GetResourceVersion()
}

func (o *outcomes) conditionsOfReplicas() {
	filter := o.filter("shared", 1)
	_, err := o.Admin.Objects.Resource(testFilters).Namespace(metav1.NamespaceDefault).Patch(o.t.Context(), "shared", types.MergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Other","status":"True","reason":"Whatever","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`),
		metav1.PatchOptions{}, "status")
	require.NoError(o.t, err)
	replicas := make([]*replica, 4)
	for i := range replicas {
		replicas[i] = o.replica(fmt.Sprint(i), o.kubeconfig)
	}
	works := []mutator.PolicyOutcome{{Policy: filter, Reason: mutator.Programmed, Message: "works"}}
	for _, r := range replicas {
		r.Publish("", works)
	}
	o.wait(2, replicas...)
	require.Equal(o.t, 1, total("conditions written", replicas...), "one writes, whoever is first")
	require.ElementsMatch(o.t, []string{"Accepted=True Accepted  1", "Programmed=True Programmed works 1", "Other=True Whatever  0"}, o.conditionsOf("shared"))

	before := o.version("shared")
	late := o.replica("late", o.kubeconfig)
	late.Publish("", works)
	o.wait(2, late)
	require.Equal(o.t, before, o.version("shared"), "one that comes later changes nothing")
	require.Equal(o.t, 1, total("conditions present", late))
}

func (o *outcomes) conditionsOfGenerations() {
	old := o.filter("generations", 1)
	young := o.filter("generations", 2)
	require.Equal(o.t, []int64{1, 2}, []int64{old.Generation, young.Generation})
	ahead, behind := o.replica("ahead", o.kubeconfig), o.replica("behind", o.kubeconfig)
	ahead.Publish("", []mutator.PolicyOutcome{{Policy: young, Reason: mutator.Invalid, Message: "wrong"}})
	o.wait(2, ahead)
	want := []string{"Accepted=False Invalid wrong 2", "Programmed=False Invalid wrong 2"}
	require.Equal(o.t, want, o.conditionsOf("generations"))
	before := o.version("generations")
	behind.Publish("", []mutator.PolicyOutcome{{Policy: old, Reason: mutator.Programmed, Message: "works"}})
	o.wait(2, behind)
	require.Equal(o.t, 1, total("conditions outdated", behind))
	require.Equal(o.t, before, o.version("generations"))
}

func (o *outcomes) permissions() {
	filter := o.filter("permissions", 1)
	nobody, err := o.ServiceAccount("default", "nobody")
	require.NoError(o.t, err)
	r := o.replica("a", nobody)
	r.Publish("", []mutator.PolicyOutcome{{Policy: filter, Reason: mutator.Programmed, Message: "works"}})
	o.wait(4, r) // each is tried twice before it is logged
	r.stop()
	require.Equal(o.t, map[string]int{"event forbidden": 2, "conditions forbidden": 2}, r.counts)
	require.Contains(o.t, r.log.String(), `permission="create and patch events.events.k8s.io"`)
	require.Contains(o.t, r.log.String(), `permission="get testfilters.test.egraft.io and patch testfilters.test.egraft.io/status"`)
}
