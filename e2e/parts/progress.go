package parts

import "github.com/egraft/egraft/e2e/progress"

// tell shows what is being made and how long it takes. The caller must call the returned function
// at the end.
func (s *Store) tell(name Name, lasts string) (*progress.Task, func(error)) {
	s.progress.Say("%s: obtaining it, once (%s)", name, lasts)
	task := s.progress.Task(string(name))
	return task, func(err error) {
		took, state := task.End(), "ready"
		if err != nil {
			state = "failed"
		}
		s.progress.Say("%s: %s after %.1fs", name, state, took.Seconds())
	}
}
