package callfile

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// chunk is the number of elements that a goroutine takes at a time.
const chunk = 64

// each calls a function for the numbers below n, in parallel. It returns the error with the lowest
// index, prefixed by the index.
func each(n int, do func(int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n/chunk+1) {
		wg.Go(func() {
			for {
				to := int(next.Add(chunk))
				if to-chunk >= n {
					return
				}
				for i := to - chunk; i < min(to, n); i++ {
					errs[i] = do(i)
				}
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}
