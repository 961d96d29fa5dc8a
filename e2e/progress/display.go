// Package progress shows how far work is that takes long: on a terminal on one line that is
// drawn again and again, elsewhere on a line a minute.
//
// It must not know what the work is.
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
	// onTerminal and elsewhere are how often the tasks are shown.
	onTerminal, elsewhere = 500 * time.Millisecond, time.Minute
	// clear goes to the beginning of the line and erases it.
	clear = "\r\x1b[K"
)

// Display shows tasks between the lines that are written to it. Make one with [New]. Its
// methods may be called concurrently.
type Display struct {
	out io.Writer
	// width is that of the terminal, nil elsewhere.
	width func() int

	mu     sync.Mutex
	indent string
	tasks  []*Task
	paused bool
	drawn  bool // the line is on the terminal
	stop   chan struct{}
}

// New shows tasks on out. A Display is returned as it is.
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

// columns is the width of a terminal, 0 of what is none.
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

// Terminal says whether lines are drawn again.
func (d *Display) Terminal() bool { return d.width != nil }

// Indent is put in front of what [Display.Say] and the tasks write.
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

// Pause leaves the terminal to someone else until [Display.Resume].
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
