package mutatortest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// callFile is in.yaml: a call, with messages in protobuf's JSON form.
type callFile struct {
	Hook      mutator.Hook                       `json:"hook"`
	Hostnames []string                           `json:"hostnames,omitempty"`
	Objects   []json.RawMessage                  `json:"objects,omitempty"`
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
}

// resultFile is out.yaml.
type resultFile struct {
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
	Outcomes  []string                           `json:"outcomes,omitempty"`
	Policies  []string                           `json:"policies,omitempty"`
}

// ReadCall reads a call from a file like in.yaml.
func ReadCall(path string) (*engine.Call, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f callFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	call, err := f.call()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return call, nil
}

func (f *callFile) call() (*engine.Call, error) {
	if !slices.Contains(mutator.Hooks(), f.Hook) {
		return nil, fmt.Errorf("hook: there is no hook %q", f.Hook)
	}
	call := &engine.Call{Hook: f.Hook, Hostnames: f.Hostnames}
	for _, o := range f.Objects {
		call.Objects = append(call.Objects, o)
	}
	for _, k := range kinds() {
		list := engine.Resources{Kind: k}
		for _, r := range f.Resources[k] {
			encoded, err := encode(k, r)
			if err != nil {
				return nil, fmt.Errorf("resources: %s: %w", k, err)
			}
			list.Encoded = append(list.Encoded, encoded)
		}
		if len(list.Encoded) > 0 {
			call.Resources = append(call.Resources, list)
		}
		delete(f.Resources, k)
	}
	for k := range f.Resources {
		return nil, fmt.Errorf("resources: there is no kind %q", k)
	}
	return call, nil
}

func encode(k mutator.Kind, r json.RawMessage) ([]byte, error) {
	m, err := newMessage(k)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(r, m); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Render writes a result as out.yaml has it.
func Render(res *engine.Result) ([]byte, error) {
	f := resultFile{Resources: map[mutator.Kind][]json.RawMessage{}}
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			m, err := decode(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			b, err := protojson.Marshal(m)
			if err != nil {
				return nil, err
			}
			f.Resources[list.Kind] = append(f.Resources[list.Kind], b)
		}
	}
	for _, o := range res.Outcomes {
		line := string(o.Kind) + " " + o.Name + ": " + string(o.Verdict)
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		f.Outcomes = append(f.Outcomes, line)
	}
	for _, p := range res.Policies {
		f.Policies = append(f.Policies, p.Policy.String()+": "+string(p.Reason)+": "+p.Message)
	}
	return yaml.Marshal(f)
}
