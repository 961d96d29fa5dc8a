package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Object is a custom resource as far as it decides about calls.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		TargetRef       *target           `json:"targetRef"`
		TargetRefs      []target          `json:"targetRefs"`
		TargetSelectors []json.RawMessage `json:"targetSelectors"`
	} `json:"spec"`

	content map[string]any
}

type target struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName"`
}

// String is "Kind namespace/name", as outcomes have it.
func (o *Object) String() string {
	return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
}

func (o *Object) gvk() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)
}

func (o *Object) targets() []target {
	if o.Spec.TargetRef == nil {
		return o.Spec.TargetRefs
	}
	return append([]target{*o.Spec.TargetRef}, o.Spec.TargetRefs...)
}

// errNoObject does not quote the input, which can be anything.
var errNoObject = errors.New("is no custom resource: it must have apiVersion, kind and metadata.name")

// Parse reads custom resources: YAML or JSON, of one document or several. Those without a namespace
// get the given one.
func Parse(data []byte, namespace string) (all []*Object, err error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var o *Object
		if err == nil {
			o, err = parse(document, namespace)
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

// parse returns nil for a document with nothing but comments.
func parse(document []byte, namespace string) (*Object, error) {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, errors.New("is not valid YAML or JSON")
	}
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		return nil, nil
	}
	o := &Object{}
	if json.Unmarshal(text, o) != nil || json.Unmarshal(text, &o.content) != nil || o.APIVersion == "" || o.Kind == "" || o.Metadata.Name == "" {
		return nil, errNoObject
	}
	if o.Metadata.Namespace == "" {
		o.Metadata.Namespace = namespace
	}
	return o, nil
}

// raw is the object as the API server would have it: an existing one keeps who it is, how old it is,
// and its status.
func (o *Object) raw(existing []byte, now time.Time) ([]byte, error) {
	metadata := map[string]any{}
	if have, ok := o.content["metadata"].(map[string]any); ok {
		for k, v := range have {
			metadata[k] = v
		}
	}
	var live struct {
		Metadata map[string]any `json:"metadata"`
		Status   map[string]any `json:"status"`
	}
	out := map[string]any{}
	for k, v := range o.content {
		out[k] = v
	}
	delete(out, "status")
	if existing != nil && json.Unmarshal(existing, &live) == nil {
		for _, k := range []string{"uid", "creationTimestamp", "generation"} {
			if v, there := live.Metadata[k]; there {
				metadata[k] = v
			}
		}
		if live.Status != nil {
			out["status"] = live.Status
		}
	} else {
		metadata["creationTimestamp"] = now.UTC().Format(time.RFC3339)
	}
	metadata["namespace"] = o.Metadata.Namespace
	out["metadata"] = metadata
	return json.Marshal(out)
}

// nameOf is "Kind namespace/name" of a custom resource of a call, empty if it cannot be read.
func nameOf(raw []byte) string {
	var o Object
	if json.Unmarshal(raw, &o) != nil {
		return ""
	}
	return o.String()
}

// existing are the custom resources of a recording, the last of each name.
func existing(r *recording.Recording) map[string][]byte {
	out := map[string][]byte{}
	for _, c := range r.Calls {
		for _, raw := range c.Objects {
			if name := nameOf(raw); name != "" {
				out[name] = raw
			}
		}
	}
	return out
}

// reads tells whether a feature has custom resources of the object's kind.
func reads(f *mutator.Feature, o *Object) bool {
	return slices.ContainsFunc(slices.Concat(f.Policies, f.Filters, f.Backends), func(k policy.Kind) bool { return k.GroupVersionKind == o.gvk() })
}

// isPolicy tells whether an object is attached by its targets, and not referred to by routes.
func (p *Planner) isPolicy(o *Object) bool {
	return slices.ContainsFunc(p.Features, func(f mutator.Feature) bool {
		return slices.ContainsFunc(f.Policies, func(k policy.Kind) bool { return k.GroupVersionKind == o.gvk() })
	})
}

// isIn tells whether Envoy Gateway sends objects of the kind in a hook.
func (p *Planner) isIn(h mutator.Hook, o *Object) bool {
	return slices.ContainsFunc(p.Features, func(f mutator.Feature) bool {
		return slices.ContainsFunc(f.ObjectsIn(h), func(k policy.Kind) bool { return k.GroupVersionKind == o.gvk() })
	})
}

// isOnRoute tells whether a target is a route, or a rule of it, that an xDS route was made from.
func (o *Object) isOnRoute(refs []xds.Reference) bool {
	return slices.ContainsFunc(o.targets(), func(t target) bool {
		return slices.ContainsFunc(refs, func(ref xds.Reference) bool {
			return ref.Kind != xds.KindGateway && ref.Kind == t.Kind && ref.Namespace == o.Metadata.Namespace && ref.Name == t.Name &&
				(t.SectionName == "" || t.SectionName == ref.SectionName)
		})
	})
}

// isOnGateway tells whether a target is one of the Gateways, which are namespace/name and separated
// by commas.
func (o *Object) isOnGateway(gateways string) bool {
	return slices.ContainsFunc(o.targets(), func(t target) bool {
		return t.Kind == xds.KindGateway && slices.Contains(strings.Split(gateways, ","), o.Metadata.Namespace+"/"+t.Name)
	})
}
