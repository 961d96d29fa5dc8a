package engine

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/egraft/egraft/internal/sandbox"
)

// parallel calls the functions from newWorker with all numbers below n. It uses as many goroutines
// as there are CPUs and pieces of work; a piece must be worth a goroutine. A panic in one of them
// becomes a panic of the caller.
func parallel(n, piece int, newWorker func() (do func(i int), end func())) {
	if n <= piece { // the most frequent call has a single resource
		do, end := newWorker()
		defer end()
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var panicked atomic.Value
	work := func() {
		do, end := newWorker()
		defer end()
		for {
			from := int(next.Add(int64(piece))) - piece
			if from >= n {
				return
			}
			for i := from; i < min(from+piece, n); i++ {
				do(i)
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+piece-1)/piece) - 1 {
		others.Go(func() {
			if err := sandbox.Recover(func() error { work(); return nil }); err != nil {
				panicked.Store(err)
			}
		})
	}
	defer func() {
		others.Wait()
		if err := panicked.Load(); err != nil {
			panic(err)
		}
	}()
	work()
}
