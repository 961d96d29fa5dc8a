package parts

import (
	"fmt"
	"time"
)

// progressEvery is how often something that lasts says that it goes on.
const progressEvery = 10 * time.Second

// tell says what is made and how long it takes. The caller calls what it
// returns at the end.
func (s *Store) tell(name Name, lasts string) func(error) {
	start := time.Now()
	fmt.Fprintf(s.progress, "%s: obtaining it, once (%s)\n", name, lasts)
	stop := s.tick(string(name))
	return func(err error) {
		stop()
		state := "ready"
		if err != nil {
			state = "failed"
		}
		fmt.Fprintf(s.progress, "%s: %s after %s\n", name, state, time.Since(start).Round(100*time.Millisecond))
	}
}

// tick says now and then that something goes on, until the caller calls what
// it returns. What is done sooner goes without a word.
func (s *Store) tick(name string) (stop func()) {
	start, stopping, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-stopping:
				return
			case <-ticker.C:
				fmt.Fprintf(s.progress, "%s: %s so far\n", name, time.Since(start).Round(time.Second))
			}
		}
	}()
	return func() {
		close(stopping)
		<-stopped
	}
}
