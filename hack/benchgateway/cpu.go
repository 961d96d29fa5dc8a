package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/process"
)

// tick is the unit of times in /proc: Linux has 100 in a second on all platforms that Go
// runs on.
const tick = 10 * time.Millisecond

// used returns the processor time of a process, 0 if there is no process.
func used(p *process.Process) (time.Duration, error) {
	if p == nil {
		return 0, nil
	}
	path := fmt.Sprintf("/proc/%d/stat", p.PID())
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.Name, err)
	}
	// The name, in parentheses, may have spaces. utime and stime are the 12th and 13th
	// field after it: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("processor time of %s: %s has %d fields", p.Name, path, len(fields))
	}
	var total time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of %s: %w", p.Name, err)
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}

// usage is the processor time of a variant's two processes, and egraft's counters.
type usage struct {
	gateway, extension time.Duration
	calls              calls
}

func (r *running) usage(ctx context.Context, v variant) (u usage, err error) {
	if u.gateway, err = used(r.gateway); err != nil {
		return u, err
	}
	if u.extension, err = used(r.extension); err == nil && v.server == egraftServer {
		u.calls, err = called(ctx)
	}
	return u, err
}

// add adds the usage between two points in time.
func (u *usage) add(after, before usage) {
	u.gateway += after.gateway - before.gateway
	u.extension += after.extension - before.extension
	u.calls = calls{
		u.calls.count + after.calls.count - before.calls.count, u.calls.seconds + after.calls.seconds - before.calls.seconds,
		u.calls.requestBytes + after.calls.requestBytes - before.calls.requestBytes,
		u.calls.responseBytes + after.calls.responseBytes - before.calls.responseBytes,
	}
}
