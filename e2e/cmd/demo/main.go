// Command demo shows the main job of egraft on the real Envoy Gateway and
// Envoy: one policy, and the backend sees Envoy's SVID.
//
//	go run ./e2e/cmd/demo [-spiffe dev|spire] [-keep]
//
// It exits with 0 only if every step was as it should be.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/standalone"
)

// patience bounds the story without what is obtained before it.
const patience = 5 * time.Minute

func main() { os.Exit(run()) }

func run() int {
	mode := flag.String("spiffe", string(standalone.Dev), "who issues SVIDs: dev or spire")
	keep := flag.Bool("keep", false, "leave everything running at the end, until Ctrl-C")
	flag.Parse()
	if flag.NArg() > 0 || *mode != string(standalone.Dev) && *mode != string(standalone.SPIRE) {
		flag.Usage()
		return 2
	}
	if !netns.Inside() {
		clean, err := obtain(standalone.SPIFFEMode(*mode))
		if err != nil {
			fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
			return 1
		}
		defer clean()
	}
	return netns.Run(func() int { return tell(standalone.SPIFFEMode(*mode), *keep) })
}

// obtain is the first step. It is done outside the network namespace, from
// where nothing can be downloaded.
func obtain(mode standalone.SPIFFEMode) (clean func(), err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p := newPrinter(os.Stdout)
	p.title("egraft: one policy, and the backend sees Envoy's SVID (SPIFFE: " + string(mode) + ")")
	p.step(1, "build egraft, and obtain Envoy and Envoy Gateway (kept for the next time)")
	clean, err = standalone.Prepare(ctx, p, mode)
	if err == nil {
		p.done()
	}
	return clean, err
}

// tell runs the other steps.
func tell(mode standalone.SPIFFEMode, keep bool) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := &story{printer: newPrinter(os.Stdout), mode: mode}
	storyCtx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the demo took longer than %s", patience))
	defer cancel()
	err := s.run(storyCtx)
	if s.env == nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		return 1
	}
	code := 0
	if err != nil {
		code = 1
		if ctx.Err() == nil {
			s.env.WriteLogs(os.Stderr, 12)
		}
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
	}
	if keep && ctx.Err() == nil {
		s.keep()
		<-ctx.Done()
	}
	return max(code, s.end(code))
}

// end stops everything, and keeps the logs if something was wrong.
func (s *story) end(code int) int {
	stop := s.env.Close
	if code != 0 {
		stop = s.env.Stop
		fmt.Fprintf(os.Stderr, "demo: the logs are in %s/log\n", s.env.Dir)
	}
	if err := stop(); err != nil {
		fmt.Fprintf(os.Stderr, "demo: stop: %v\n", err)
		return 1
	}
	return 0
}
