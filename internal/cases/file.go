package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// file returns the files of a case. out.yaml is the feature's result for in.yaml as written.
func (m *Maker) file(ctx context.Context, last *recording.Call, steps []step) (*Case, error) {
	c := &Case{Name: name(last, steps), Calls: len(steps)}
	var file callfile.File
	for _, s := range steps {
		call, err := s.file()
		if err != nil {
			return nil, err
		}
		file.Calls = append(file.Calls, *call)
		for _, list := range s.call.Resources {
			c.Resources += len(list.Encoded)
		}
	}
	if len(steps) == 1 {
		file = callfile.File{Call: file.Calls[0]}
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return nil, err
	}
	c.In = append([]byte(comment(last)), text...)
	c.Out, err = m.answer(ctx, c.In)
	return c, err
}

// comment returns the origin of a case. Names in recordings can be anything, so they are quoted.
func comment(last *recording.Call) string {
	if last.Gateway == "" {
		return "# Recorded. Secrets are redacted.\n"
	}
	return fmt.Sprintf("# Recorded, of Gateway %q. Secrets are redacted.\n", last.Gateway)
}

// file returns the step in the format of in.yaml.
func (s *step) file() (*callfile.Call, error) {
	c := &callfile.Call{
		Hook: s.call.Hook, Hostnames: s.call.Hostnames, Unmodified: s.unmodified, Resources: map[mutator.Kind][]json.RawMessage{},
	}
	for _, o := range s.call.Objects {
		c.Objects = append(c.Objects, o)
	}
	for _, list := range s.call.Resources {
		for _, raw := range list.Encoded {
			text, err := callfile.JSON(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			c.Resources[list.Kind] = append(c.Resources[list.Kind], text)
		}
	}
	return c, nil
}

// answer runs the calls of a file as the conformance kit does, and returns out.yaml.
func (m *Maker) answer(ctx context.Context, in []byte) ([]byte, error) {
	read, err := callfile.Parse(in)
	if err != nil {
		return nil, err
	}
	var results callfile.Results
	done := callfile.Returned{}
	for _, r := range read {
		s := &step{call: r.Call}
		if err := m.run(ctx, s, done); err != nil {
			return nil, err
		}
		if s.unmodified != r.Unmodified {
			return nil, fmt.Errorf("%s: the result differs when the call is repeated", s.call.Hook)
		}
		if err := done.Note(s.res); err != nil {
			return nil, err
		}
		result, err := callfile.NewResult(s.res)
		if err != nil {
			return nil, err
		}
		results.Calls = append(results.Calls, result)
	}
	if read[0].At == "" {
		return yaml.Marshal(results.Calls[0])
	}
	return yaml.Marshal(results)
}

// others matches characters that are not allowed in directory names.
var others = regexp.MustCompile(`[^a-z0-9]+`)

// maxName limits the part of a name that comes from the recording.
const maxName = 60

// name returns the Gateway, or the resource of a call without translation, and the outcomes of policies.
func name(last *recording.Call, steps []step) string {
	subject := last.Gateway
	if s := steps[len(steps)-1]; subject == "" && s.res.Subject != nil {
		subject = string(s.call.Hook) + "-" + s.res.Subject()
	}
	words := strings.Trim(others.ReplaceAllString(strings.ToLower(subject), "-"), "-")
	words = strings.Trim(words[:min(len(words), maxName)], "-")
	var results []string
	for _, s := range steps {
		for _, p := range s.res.Policies {
			results = append(results, strings.ToLower(string(p.Reason)))
		}
	}
	if len(results) == 0 {
		for _, s := range steps {
			for _, o := range s.res.Outcomes {
				results = append(results, strings.ToLower(string(o.Result)))
			}
		}
	}
	slices.Sort(results)
	return strings.Trim(strings.Join(append([]string{words}, slices.Compact(results)...), "-"), "-")
}
