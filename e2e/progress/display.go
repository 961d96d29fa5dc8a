// Package progress shows the progress of long tasks: on a terminal on one line that is redrawn
// repeatedly, elsewhere on one line per minute.
//
// It must not depend on what the tasks are.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// onTerminal and elsewhere are the intervals of updates.
	onTerminal, elsewhere = 500 * time.Millisecond, time.Minute
	// clear moves to the beginning of the line and erases it.
	clear = "\r\x1b[K"
)

// Display shows tasks between the lines that are written to it. Create one with [New]. Its methods
// may be called concurrently.
type Display struct {
	out io.Writer
	// width returns the terminal's width; nil elsewhere.
	width func() int

	mu     sync.Mutex
	indent string
	tasks  []*Task
	paused bool
	drawn  bool // the line is on the terminal
	stop   chan struct{}
}

// New returns a display of tasks on out. If out is a Display, New returns it.
func New(out io.Writer) *Display {
	if d, ok := out.(*Display); ok {
		return d
	}
	d := &Display{out: out}
	if file, ok := out.(*os.File); ok && columns(file) > 0 && os.Getenv("TERM") != "dumb" {
		d.width = func() int { return columns(file) }
	}
	return d
}

// columns returns the width of a terminal, 0 if the file is not one.
func columns(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 { // a terminal without a size
		return 80
	}
	return int(size.Col)
}

// Terminal reports whether lines are redrawn.
func (d *Display) Terminal() bool { return d.width != nil }

// Indent sets a prefix for the output of [Display.Say] and the tasks.
func (d *Display) Indent(by string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.indent = by
}

// Write writes whole lines.
func (d *Display) Write(lines []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	return d.out.Write(lines)
}

// Say writes a line.
func (d *Display) Say(format string, arguments ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	fmt.Fprintf(d.out, d.indent+format+"\n", arguments...)
}

// Pause releases the terminal for other output until [Display.Resume].
func (d *Display) Pause() { d.pause(true) }

// Resume ends [Display.Pause].
func (d *Display) Resume() { d.pause(false) }

func (d *Display) pause(paused bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	d.paused = paused
}

func (d *Display) erase() {
	if d.drawn {
		fmt.Fprint(d.out, clear)
		d.drawn = false
	}
}

// Task begins a task, which the caller ends.
func (d *Display) Task(name string) *Task {
	t := &Task{display: d, name: name, begun: time.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = append(d.tasks, t)
	if d.stop == nil {
		d.stop = make(chan struct{})
		go d.show(d.stop)
	}
	return t
}

// remove ends a task.
func (d *Display) remove(t *Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.tasks {
		if d.tasks[i] == t {
			d.tasks = append(d.tasks[:i], d.tasks[i+1:]...)
			break
		}
	}
	if len(d.tasks) == 0 && d.stop != nil {
		d.erase()
		close(d.stop)
		d.stop = nil
	}
}

// show draws the tasks until it is stopped.
func (d *Display) show(stop <-chan struct{}) {
	every := elsewhere
	if d.Terminal() {
		every = onTerminal
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			d.draw()
		}
	}
}

func (d *Display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused || len(d.tasks) == 0 {
		return
	}
	now := time.Now()
	var texts []string
	for _, t := range d.tasks {
		texts = append(texts, t.text(now))
	}
	line := d.indent + strings.Join(texts, "; ")
	if !d.Terminal() {
		fmt.Fprintln(d.out, line)
		return
	}
	if room := d.width() - 1; len(line) > room {
		line = line[:max(room, 0)]
	}
	fmt.Fprint(d.out, clear+line)
	d.drawn = true
}
