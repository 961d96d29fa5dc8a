package sandbox

// KeepIdle keeps up to so many idle goroutines for reuse. A new goroutine takes a large part of the
// time of a small call because its stack has to grow first. Call it before anything runs.
func (s *Sandbox) KeepIdle(goroutines int) { s.idle = make(chan chan func(), goroutines) }

// Goroutine runs one task after another for a single caller.
type Goroutine struct {
	idle  chan chan func() // goroutines that wait for another caller
	tasks chan func()
}

// Goroutine returns a Goroutine that reuses an idle goroutine, or starts one when first needed.
func (s *Sandbox) Goroutine() *Goroutine { return &Goroutine{idle: s.idle} }

// do starts a task. The previous task must have ended.
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

// Release returns the goroutine to the idle ones. Call it after the last task.
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

// abandon makes the goroutine exit after its current task, for which the caller does not wait. The
// next task gets another goroutine.
func (g *Goroutine) abandon() {
	close(g.tasks)
	g.tasks = nil
}
