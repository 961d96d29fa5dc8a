package mutatortest

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
)

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

// unknownType says what to do about the type of an Any that nothing registered.
func unknownType(err error) error {
	if !strings.Contains(err.Error(), "unable to resolve") {
		return err
	}
	return fmt.Errorf("%w: correct the @type, or import its Go package in the test if it is neither Envoy's nor xDS's", err)
}

// Render writes a result as out.yaml of a case with one call has it.
func Render(res *engine.Response) ([]byte, error) {
	f, err := callfile.NewResult(res)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(f)
}
