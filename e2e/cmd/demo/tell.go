package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// beganVariable tells the inner program when the outer one began.
const beganVariable = "EGRAFT_DEMO_BEGAN"

// logLines is how much of each log is shown when a step failed.
const logLines = 3

// obtain is the first step. It is done outside the network namespace, from
// where nothing can be downloaded.
func (s *story) obtain(ctx context.Context) (clean func(), err error) {
	if err := os.Setenv(beganVariable, time.Now().Format(time.RFC3339Nano)); err != nil {
		return nil, fmt.Errorf("note when the demo began: %w", err)
	}
	names := "Envoy " + parts.EnvoyVersion + " and Envoy Gateway"
	if s.mode == standalone.SPIRE {
		names = "Envoy " + parts.EnvoyVersion + ", Envoy Gateway and SPIRE"
	}
	s.title("egraft: one policy, and the backend sees Envoy's SVID")
	s.step(1, "Build egraft; obtain "+names, "The real programs. They are kept for the next time.")
	if clean, err = standalone.Prepare(ctx, s.printer, s.mode); err != nil {
		return nil, fmt.Errorf("step 1: %w", err)
	}
	s.done()
	return clean, nil
}

// tell runs the other steps, and returns the exit code.
func (s *story) tell(ctx context.Context, keep bool, stderr io.Writer) int {
	if err := s.run(ctx); err != nil {
		if s.env != nil && context.Cause(ctx) == nil {
			s.env.WriteLogs(stderr, logLines)
		}
		return s.end(s.failed(ctx, stderr, err), stderr)
	}
	s.summary()
	if keep {
		s.keep()
		<-ctx.Done()
	}
	return s.end(0, stderr)
}

// failed says why the demo ends, and returns the exit code.
func (s *story) failed(ctx context.Context, stderr io.Writer, err error) int {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintln(stderr, "\ndemo: interrupted")
		return interrupted
	}
	fmt.Fprintf(stderr, "\ndemo: %v\n", err)
	return 1
}

// end stops everything, and keeps the logs if something was wrong.
func (s *story) end(code int, stderr io.Writer) int {
	if s.env == nil {
		return code
	}
	stop := s.env.Close
	if code == 1 {
		stop = s.env.Stop
		fmt.Fprintf(stderr, "demo: the logs are in %s/log\n", s.env.Dir)
	}
	if err := stop(); err != nil {
		fmt.Fprintf(stderr, "demo: stop: %v\n", err)
		return max(code, 1)
	}
	return code
}

// summary is the last line.
func (s *story) summary() {
	total := ""
	if began, err := time.Parse(time.RFC3339Nano, os.Getenv(beganVariable)); err == nil {
		total = fmt.Sprintf(" in %.1f s", time.Since(began).Seconds())
	}
	s.title(fmt.Sprintf("\nAll %d steps were as they should be%s. A policy reaches traffic %.1f s after it is written.",
		len(s.steps())+1, total, s.median.Seconds()))
}
