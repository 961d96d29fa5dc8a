package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/egraft/egraft/e2e/process"
)

// Dump writes the logs of pods and the state of the cluster to the log directory, for debugging.
func (e *Environment) Dump(ctx context.Context) error {
	var err error
	for _, name := range []string{"egraft", "envoy-gateway", "access", "backend-echo"} {
		content, logErr := e.Log(ctx, name)
		err = errors.Join(err, logErr, e.write("pod-"+name, content))
	}
	for name, arguments := range map[string][]string{
		"pods":     {"describe", "pods", "--all-namespaces"},
		"events":   {"get", "events", "--all-namespaces"},
		"policies": {"get", "egraft", "--all-namespaces", "--output", "yaml"},
	} {
		content, getErr := e.Kubectl.Run(ctx, arguments...)
		err = errors.Join(err, getErr, e.write(name, []byte(content)))
	}
	return err
}

func (e *Environment) write(name string, content []byte) error {
	if err := os.WriteFile(process.LogPath(e.options.Dir, name), content, 0o644); err != nil {
		return fmt.Errorf("write the log of %s: %w", name, err)
	}
	return nil
}
