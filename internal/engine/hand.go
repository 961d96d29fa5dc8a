package engine

// WithWarm lets the engine keep a number of goroutines that wait for work. Each new one
// costs a small call a good part of its time, since its stack has to grow first.
func WithWarm(goroutines int) Option {
	return func(e *Engine) error {
		e.guard.idle = make(chan chan func(), goroutines)
		return nil
	}
}

// hand runs one task after another on a goroutine of its own. It is for one caller.
type hand struct {
	idle  chan chan func() // those of goroutines that wait for another hand
	tasks chan func()
}

// do begins a task, after the one before was waited for.
func (h *hand) do(task func()) {
	if h.tasks == nil {
		h.tasks = h.take()
	}
	h.tasks <- task
}

func (h *hand) take() chan func() {
	select {
	case tasks := <-h.idle:
		return tasks
	default:
		tasks := make(chan func())
		go work(tasks)
		return tasks
	}
}

func work(tasks <-chan func()) {
	for task := range tasks {
		task()
	}
}

// rest ends the hand after its last task.
func (h *hand) rest() {
	if h.tasks == nil {
		return
	}
	select {
	case h.idle <- h.tasks:
		h.tasks = nil
	default:
		h.leave()
	}
}

// leave lets the goroutine end with its task, for which nobody waits. The next task gets
// another one.
func (h *hand) leave() {
	close(h.tasks)
	h.tasks = nil
}
