package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/egraft/egraft/e2e/acts"
)

// logLines is the number of lines of each log that are shown after a failed step.
const logLines = 3

// tell runs an act, and returns the exit code.
func (s *story) tell(ctx context.Context, chosen options, stderr io.Writer) int {
	steps := s.realSteps()
	if chosen.act == acts.Recorded {
		steps = s.recordedSteps()
	}
	if err := s.run(ctx, steps); err != nil {
		if s.env != nil && context.Cause(ctx) == nil {
			s.env.WriteLogs(stderr, logLines)
		}
		return s.end(s.failed(ctx, stderr, err), stderr)
	}
	if chosen.act == acts.Real {
		s.summary(s.first - 1 + len(steps))
	}
	if chosen.keep {
		s.keep()
		<-ctx.Done()
	}
	return s.end(0, stderr)
}

// failed prints why the demo ends, and returns the exit code.
func (s *story) failed(ctx context.Context, stderr io.Writer, err error) int {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintln(stderr, "\ndemo: interrupted")
		return acts.Interrupted
	}
	fmt.Fprintf(stderr, "\ndemo: %v\n", err)
	return 1
}

// end stops everything, and keeps the logs after a failure.
func (s *story) end(code int, stderr io.Writer) int {
	if s.running == nil {
		return code
	}
	stop := s.running.Close
	if code == 1 {
		stop = s.running.Stop
		fmt.Fprintf(stderr, "demo: the logs are in %s/log\n", s.env.Dir)
	}
	if err := stop(); err != nil {
		fmt.Fprintf(stderr, "demo: stop: %v\n", err)
		return max(code, 1)
	}
	return code
}

// summary prints the last line.
func (s *story) summary(steps int) {
	total := ""
	if began, err := time.Parse(time.RFC3339Nano, os.Getenv(acts.BeganVariable)); err == nil {
		total = fmt.Sprintf(" in %.1f s", time.Since(began).Seconds())
	}
	s.Title(fmt.Sprintf("\nAll %d steps succeeded%s. A policy takes effect %.1f s after it is written.", steps, total, s.median.Seconds()))
}
