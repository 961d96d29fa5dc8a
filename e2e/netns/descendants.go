package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// politeTime is the time between SIGTERM and SIGKILL.
	politeTime = 3 * time.Second
	// giveUpTime limits the wait for killed processes.
	giveUpTime = 6 * time.Second
	pollTime   = 10 * time.Millisecond
)

// adoptOrphans makes this process the parent of descendants whose own parent has ended, such as an
// Envoy whose Envoy Gateway was killed.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphaned processes: %w", err)
	}
	return nil
}

// StopDescendants stops all remaining descendants of this process, first with SIGTERM, then with
// SIGKILL, each by its process ID. Call it when nothing else waits for a process.
func StopDescendants() {
	start, signalled := time.Now(), map[int]unix.Signal{}
	for time.Since(start) < giveUpTime {
		reap()
		left := Descendants(os.Getpid())
		if len(left) == 0 {
			return
		}
		signal := unix.SIGTERM
		if time.Since(start) > politeTime {
			signal = unix.SIGKILL
		}
		for _, pid := range left {
			if signalled[pid] != signal {
				_ = unix.Kill(pid, signal) // it may have ended
				signalled[pid] = signal
			}
		}
		<-time.After(pollTime)
	}
}

// reap collects children that have ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err != nil || pid <= 0 {
			return
		}
	}
}

// Descendants lists the processes below root, without root and without zombies.
func Descendants(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if pid, parent, ok := parseStat(path); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var out []int
	for queue := children[root]; len(queue) > 0; queue = queue[1:] {
		out = append(out, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return out
}

// parseStat reads proc(5)'s stat file: "pid (name) state parent …", where the name can contain
// spaces and parentheses.
func parseStat(path string) (pid, parent int, ok bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	end := strings.LastIndexByte(string(content), ')')
	if end < 0 {
		return 0, 0, false
	}
	fields := strings.Fields(string(content[end+1:]))
	if len(fields) < 2 || fields[0] == "Z" {
		return 0, 0, false
	}
	pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	if err != nil {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return pid, parent, err == nil
}
