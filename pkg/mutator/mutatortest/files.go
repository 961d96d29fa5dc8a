package mutatortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// caseFile is in.yaml: a call, or calls in the order in which Envoy Gateway makes them. README.md
// describes the fields.
type caseFile struct {
	callFile
	Calls []callFile `json:"calls,omitempty"`
}

// callFile is a call, with messages in protobuf's JSON form.
type callFile struct {
	Hook       mutator.Hook                       `json:"hook,omitempty"`
	Hostnames  []string                           `json:"hostnames,omitempty"`
	Objects    []json.RawMessage                  `json:"objects,omitempty"`
	Resources  map[mutator.Kind][]json.RawMessage `json:"resources,omitempty"`
	Unmodified bool                               `json:"unmodified,omitempty"`
}

// resultFile is the result of a call in out.yaml.
type resultFile struct {
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
	Outcomes  []string                           `json:"outcomes,omitempty"`
	Policies  []string                           `json:"policies,omitempty"`
}

// resultsFile is out.yaml of a case with calls.
type resultsFile struct {
	Calls []*resultFile `json:"calls"`
}

// ReadCalls reads the calls of a file like in.yaml as they are written there: what a later call
// takes from an earlier one has no more than its name.
func ReadCalls(path string) ([]*engine.Call, error) {
	c, err := readCase(path)
	if err != nil {
		return nil, err
	}
	var out []*engine.Call
	for _, s := range c.steps {
		out = append(out, s.call)
	}
	return out, nil
}

func readCase(path string) (*testCase, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f caseFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c, err := f.testCase()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.path = path
	return c, nil
}

func (f *caseFile) testCase() (*testCase, error) {
	if f.Calls == nil {
		s, err := f.step()
		return &testCase{steps: []step{s}}, err
	}
	if !reflect.ValueOf(f.callFile).IsZero() {
		return nil, errors.New("calls: beside it are fields of a call: move them into a call of the list")
	}
	c := &testCase{several: true}
	for i := range f.Calls {
		s, err := f.Calls[i].step()
		if err != nil {
			return nil, fmt.Errorf("calls[%d].%w", i, err)
		}
		s.at = fmt.Sprintf("calls[%d].", i)
		c.steps = append(c.steps, s)
	}
	if len(c.steps) == 0 {
		return nil, errors.New("calls: is empty")
	}
	return c, nil
}

func (f *callFile) step() (step, error) {
	if !slices.Contains(mutator.Hooks(), f.Hook) {
		return step{}, fmt.Errorf("hook: there is no hook %q; the hooks are %v", f.Hook, mutator.Hooks())
	}
	call := &engine.Call{Hook: f.Hook, Hostnames: f.Hostnames}
	for _, o := range f.Objects {
		call.Objects = append(call.Objects, o)
	}
	for _, k := range kinds() {
		list := engine.Resources{Kind: k}
		for i, r := range f.Resources[k] {
			encoded, err := encode(k, r)
			if err != nil {
				return step{}, fmt.Errorf("resources.%s[%d]: %w", k, i, err)
			}
			list.Encoded = append(list.Encoded, encoded)
		}
		if len(list.Encoded) > 0 {
			call.Resources = append(call.Resources, list)
		}
		delete(f.Resources, k)
	}
	for k := range f.Resources {
		return step{}, fmt.Errorf("resources: there is no kind %q; the kinds are %v", k, kinds())
	}
	return step{call: call, unmodified: f.Unmodified}, nil
}

func encode(k mutator.Kind, r json.RawMessage) ([]byte, error) {
	m, err := newMessage(k)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(r, m); err != nil {
		return nil, unknownType(err)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// unknownType says what to do about the type of an Any that nothing registered.
func unknownType(err error) error {
	if !strings.Contains(err.Error(), "unable to resolve") {
		return err
	}
	return fmt.Errorf("%w: correct the @type, or import its Go package in the test if it is neither Envoy's nor xDS's", err)
}

// Render writes a result as out.yaml of a case with one call has it.
func Render(res *engine.Response) ([]byte, error) {
	f, err := newResultFile(res)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(f)
}

func newResultFile(res *engine.Response) (*resultFile, error) {
	f := &resultFile{Resources: map[mutator.Kind][]json.RawMessage{}}
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
