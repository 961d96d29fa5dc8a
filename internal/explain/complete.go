package explain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/finding"
)

// ParseObjects reads custom resources from YAML or JSON, with one or more documents, and returns
// them as JSON. Those without a namespace get the namespace default, as with kubectl.
func ParseObjects(data []byte) (objects [][]byte, err error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		object := map[string]any{}
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("document %d: is not a Kubernetes object", i) // without the parser's message: it can quote a secret
		}
		if len(object) == 0 {
			continue // nothing but comments
		}
		if md, ok := object["metadata"].(map[string]any); ok && md["namespace"] == nil {
			md["namespace"] = "default"
		}
		text, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		if readObject(text) == nil {
			return nil, fmt.Errorf("document %d: is not a Kubernetes object: apiVersion, kind or metadata.name is missing", i)
		}
		objects = append(objects, text)
	}
}

// SubjectOf returns the subject that names a custom resource.
func SubjectOf(object []byte) Subject {
	o := readObject(object)
	if o == nil {
		return Subject{}
	}
	return Subject{Kind: o.gvk.Kind, Group: o.gvk.Group, Namespace: o.namespace, Name: o.name}
}

// Complete adds custom resources to a report that was made without them, with the reason why they
// were not sent. The report must have [Report.Seen].
func (r *Report) Complete(objects [][]byte) {
	for _, raw := range objects {
		o := readObject(raw)
		if o == nil {
			continue
		}
		p := r.Policy(SubjectOf(raw))
		if p == nil {
			p = &Policy{Group: o.gvk.Group, Kind: o.gvk.Kind, Namespace: o.namespace, Name: o.name, Generation: o.generation}
			p.Stages = []Stage{
				NewStage(StageKnown, Unknown, notExamined), failed(StageSent, Find(finding.NotSent, "no call of Envoy Gateway contains "+p.String())),
				NewStage(StageApplied, Unknown, notReached), NewStage(StageActive, Unknown, notReached),
			}
			r.Policies = append(r.Policies, p)
		}
		if s := &p.Stages[StageSent-1]; s.State == Failed && s.Findings[0].Code == finding.NotSent.ID && r.Seen != nil {
			if wrong := advise(o, r.Seen); len(wrong) > 0 {
				*s = failed(StageSent, wrong...)
			}
		}
		p.conclude()
	}
}

// Keep removes all custom resources except the given ones.
func (r *Report) Keep(objects [][]byte) {
	r.Policies = slices.DeleteFunc(r.Policies, func(p *Policy) bool {
		return !slices.ContainsFunc(objects, func(raw []byte) bool { return p.is(SubjectOf(raw)) })
	})
}

// Policy returns the custom resource that the subject names, nil if the report does not contain it.
func (r *Report) Policy(s Subject) *Policy {
	for _, p := range r.Policies {
		if p.is(s) {
			return p
		}
	}
	return nil
}

func (p *Policy) is(s Subject) bool {
	return p.Kind == s.Kind && (s.Group == "" || p.Group == s.Group) && p.Namespace == s.Namespace && p.Name == s.Name
}

// Set replaces the stage with the same number and recomputes what depends on it.
func (p *Policy) Set(s Stage) {
	p.Stages[s.Number-1] = s
	p.conclude()
}

// DropWanted removes the resources that Envoy should have and the names in calls once they were
// used: they are not meant for people.
func (r *Report) DropWanted() {
	r.Seen = nil
	for _, p := range r.Policies {
		p.Wanted = nil
	}
}
