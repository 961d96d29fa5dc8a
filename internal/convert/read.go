package convert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/internal/objectfile"
)

// Limits of the input.
const (
	maxOperations = 1024
	maxDepth      = 64
	maxText       = 4096
	maxValue      = 1 << 20
)

// Policy is an EnvoyPatchPolicy.
type Policy struct {
	Namespace, Name string
	Priority        int32
	// Target is the target of the policy.
	Target  Target
	Patches []Patch
}

// Target is a Gateway, or a GatewayClass whose Gateways are merged.
type Target struct{ Kind, Name string }

// Patch is an operation on a resource.
type Patch struct {
	Type      string    `json:"type"`
	Name      string    `json:"name"`
	Operation Operation `json:"operation"`
}

// Operation is an operation of JSON Patch, whose path can also be a JSONPath.
type Operation struct {
	Op       string          `json:"op"`
	Path     *string         `json:"path"`
	JSONPath *string         `json:"jsonPath"`
	From     *string         `json:"from"`
	Value    json.RawMessage `json:"value"`
}

// String returns namespace/name.
func (p *Policy) String() string { return p.Namespace + "/" + p.Name }

// document is an EnvoyPatchPolicy or a list.
type document struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Type     string  `json:"type"`
		Priority int32   `json:"priority"`
		Target   Target  `json:"targetRef"`
		Patches  []Patch `json:"jsonPatches"`
	} `json:"spec"`
}

const (
	patchPolicy     = "EnvoyPatchPolicy"
	patchPolicyList = "EnvoyPatchPolicyList"
	patchGroup      = "gateway.envoyproxy.io/v1alpha1"
)

// Read reads EnvoyPatchPolicies from YAML or JSON, with one or more documents, including lists.
// Policies without a namespace get the given one. Other objects are ignored and counted in others.
func Read(data []byte, namespace string) (all []*Policy, others int, err error) {
	r := &reader{namespace: namespace}
	err = objectfile.Documents(data, func(text []byte) error { return r.document(text, 0) })
	return r.all, r.others, err
}

type reader struct {
	namespace string
	all       []*Policy
	others    int
}

func (r *reader) document(text []byte, depth int) error {
	var d document
	var mistyped *json.UnmarshalTypeError
	switch err := json.Unmarshal(text, &d); {
	case errors.As(err, &mistyped) && d.Kind != patchPolicy && d.Kind != "":
		r.others++ // another kind of object, with another spec
		return nil
	case errors.As(err, &mistyped):
		return fmt.Errorf("%s: %s must not be a %s", patchPolicy, mistyped.Field, mistyped.Value)
	case err != nil:
		return errors.New("is not a Kubernetes object")
	}
	switch {
	case d.APIVersion == "v1" && d.Kind == "List" || d.Kind == patchPolicyList:
		if depth > 0 {
			return errors.New("is a list inside of a list")
		}
		for i, item := range d.Items {
			if err := r.document(item, depth+1); err != nil {
				return fmt.Errorf("items[%d]: %w", i, err)
			}
		}
		return nil
	case d.APIVersion == patchGroup && d.Kind == patchPolicy:
		return r.policy(&d)
	case d.APIVersion == "" || d.Kind == "":
		return errors.New("is not a Kubernetes object: it must have apiVersion and kind")
	}
	r.others++
	return nil
}

func (r *reader) policy(d *document) error {
	p := &Policy{Namespace: cmp.Or(d.Metadata.Namespace, r.namespace), Name: d.Metadata.Name, Priority: d.Spec.Priority, Target: d.Spec.Target, Patches: d.Spec.Patches}
	switch {
	case p.Name == "":
		return errors.New(patchPolicy + ": has no metadata.name")
	case len(validation.IsDNS1123Subdomain(p.Name)) > 0 || len(validation.IsDNS1123Label(p.Namespace)) > 0:
		return fmt.Errorf("%s %q: is not the name of an object", patchPolicy, short(p.String()))
	case d.Spec.Type != "JSONPatch":
		return fmt.Errorf("%s %s: spec.type must be JSONPatch", patchPolicy, short(p.String()))
	case len(p.Patches) > maxOperations:
		return fmt.Errorf("%s %s: has more than %d operations", patchPolicy, short(p.String()), maxOperations)
	}
	r.all = append(r.all, p)
	return nil
}

// byPriority returns policies in the order in which Envoy Gateway applies them.
func byPriority(all []*Policy) []*Policy {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b *Policy) int { return cmp.Compare(a.Priority, b.Priority) })
	return out
}
