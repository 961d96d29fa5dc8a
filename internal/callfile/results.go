package callfile

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
)

// Result is the result of a call, in the format of the conformance kit's out.yaml.
type Result struct {
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
	Outcomes  []string                           `json:"outcomes,omitempty"`
	Policies  []string                           `json:"policies,omitempty"`
}

// Results is the out.yaml of a case with several calls.
type Results struct {
	Calls []*Result `json:"calls"`
}

// NewResult converts a response.
func NewResult(res *engine.Response) (*Result, error) {
	f := &Result{Resources: map[mutator.Kind][]json.RawMessage{}}
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			b, err := JSON(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			f.Resources[list.Kind] = append(f.Resources[list.Kind], b)
		}
	}
	for _, o := range res.Outcomes {
		line := string(o.Kind) + " " + o.Name + ": " + string(o.Result)
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		f.Outcomes = append(f.Outcomes, line)
	}
	for _, p := range res.Policies {
		f.Policies = append(f.Policies, p.Policy.String()+": "+string(p.Reason)+": "+p.Message)
	}
	return f, nil
}

// JSON returns a resource in protobuf's JSON form.
func JSON(k mutator.Kind, raw []byte) (json.RawMessage, error) {
	m, err := Decode(k, raw)
	if err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Marshal(m)
}
