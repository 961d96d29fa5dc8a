package mutatortest

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
)

// ReadCalls reads the calls of a file like in.yaml without running them: a resource that a later
// call takes from an earlier one only has its name.
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
	read, err := callfile.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, unknownType(err))
	}
	c := &testCase{path: path}
	for _, s := range read {
		c.several = c.several || s.At != ""
		c.steps = append(c.steps, step{s.Call, s.Unmodified, s.At})
	}
	return c, nil
}

// unknownType adds how to fix an Any of an unregistered type.
func unknownType(err error) error {
	if !strings.Contains(err.Error(), "unable to resolve") {
		return err
	}
	return fmt.Errorf("%w: correct the @type, or import its Go package in the test if it is neither Envoy's nor xDS's", err)
}

// Render returns a result in the form of out.yaml for a case with one call.
func Render(res *engine.Response) ([]byte, error) {
	f, err := callfile.NewResult(res)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(f)
}
