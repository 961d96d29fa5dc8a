package parts

import (
	"fmt"
	"time"
)

// progressEvery is how often something that lasts says that it goes on.
const progressEvery = 10 * time.Second

// tell says what is made and how long it has taken so far. The caller calls
// what it returns at the end.
func (s *Store) tell(name Name, lasts string) func(error) {
	start, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	fmt.Fprintf(s.progress, "%s: obtaining it, once (%s)\n", name, lasts)
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				fmt.Fprintf(s.progress, "%s: %s so far\n", name, time.Since(start).Round(time.Second))
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		state := "ready"
		if err != nil {
			state = "failed"
		}
		fmt.Fprintf(s.progress, "%s: %s after %s\n", name, state, time.Since(start).Round(100*time.Millisecond))
	}
}
