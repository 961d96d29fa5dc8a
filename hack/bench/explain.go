package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// explain measures the command as users run it, from start to exit: on a recording, and on the
// egraft that kept the call, for the largest size.
func explain(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	size := slices.Max(o.sizes)
	o.cache = cmp.Or(o.cache, cacheFor(size))
	s, err := start(ctx, "egraft", dir, o)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.call(ctx, translate(size, mtls), nil); err != nil {
		return err
	}
	file := filepath.Join(dir, "recording.tar.gz")
	ways := []struct {
		name string
		args []string
	}{
		{"record", []string{"record", file, "--admin-address", s.admin}},
		{"running egraft", []string{"explain", "--admin-address", s.admin}},
		{"running egraft, --diff", []string{"explain", "--diff", "--admin-address", s.admin}},
		{"recording", []string{"explain", "--recording", file}},
		{"recording, --diff", []string{"explain", "--diff", "--recording", file}},
		{"recording, one cluster", []string{"explain", "cluster", clusterName(1), "--recording", file}},
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "explain %d clusters\tmedian of %d\tfastest\tslowest\n", size, o.rounds)
	for _, w := range ways {
		took, err := timed(ctx, s.cmd.Path, w.args, o.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", w.name, ms(took[len(took)/2].Nanoseconds()), ms(took[0].Nanoseconds()), ms(took[len(took)-1].Nanoseconds()))
	}
	return t.Flush()
}

// timed runs a command several times and returns the duration of each run, the shortest first.
func timed(ctx context.Context, program string, args []string, rounds int) (took []time.Duration, err error) {
	for range rounds {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Stderr = &stderr
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return nil, errors.Join(err, errors.New(stderr.String()))
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}
