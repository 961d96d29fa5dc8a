package sandbox

// KeepIdle keeps a number of goroutines that wait for work. Each new one costs a small call a
// good part of its time, since its stack has to grow first. It is for before anything ran.
func (s *Sandbox) KeepIdle(goroutines int) { s.idle = make(chan chan func(), goroutines) }

// Goroutine runs one task after another. It is for one caller.
type Goroutine struct {
	idle  chan chan func() // those that wait for another caller
	tasks chan func()
}

// Goroutine returns one that is idle, or is made when it is needed.
func (s *Sandbox) Goroutine() *Goroutine { return &Goroutine{idle: s.idle} }

// do begins a task, after the one before was waited for.
func (g *Goroutine) do(task func()) {
	if g.tasks == nil {
		g.tasks = g.take()
	}
	g.tasks <- task
}

func (g *Goroutine) take() chan func() {
	select {
	case tasks := <-g.idle:
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

// Release is for after the last task.
func (g *Goroutine) Release() {
	if g.tasks == nil {
		return
	}
	select {
	case g.idle <- g.tasks:
		g.tasks = nil
	default:
		g.abandon()
	}
}

// abandon lets the goroutine end with its task, for which nobody waits. The next task gets
// another one.
func (g *Goroutine) abandon() {
	close(g.tasks)
	g.tasks = nil
}
