package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// variableOf returns the environment variable in which [Remember] stores the path of a program.
func variableOf(name Name) string { return "EGRAFT_E2E_PROGRAM_" + string(name) }

// Prepare obtains parts and remembers their paths.
func (s *Store) Prepare(ctx context.Context, names ...Name) error {
	for _, name := range names {
		path, err := s.Get(ctx, name)
		if err != nil {
			return err
		}
		if err := Remember(name, path); err != nil {
			return err
		}
	}
	return nil
}

// Remember stores the path of a program in the environment for [Prepared], including child
// processes: inside a namespace, programs can be run but not obtained.
func Remember(name Name, path string) error {
	if err := os.Setenv(variableOf(name), path); err != nil {
		return fmt.Errorf("remember the path of %s: %w", name, err)
	}
	return nil
}

// ErrNotPrepared is wrapped by errors of [Prepared].
var ErrNotPrepared = errors.New("it has to be prepared before the test enters a network namespace")

// Prepared returns the remembered paths of programs.
func Prepared(names ...Name) (map[Name]string, error) {
	out := map[Name]string{}
	for _, name := range names {
		if out[name] = os.Getenv(variableOf(name)); out[name] == "" {
			return nil, fmt.Errorf("the path of %s is not known: %w", name, ErrNotPrepared)
		}
	}
	return out, nil
}
