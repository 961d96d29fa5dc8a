package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	minChanges, maxChanges = 5, 40
	// warmUps is the number of changes that are not counted.
	warmUps = 2
	// patience is the timeout of each wait.
	patience = 3 * time.Minute
)

// sample is one change of a route.
type sample struct {
	// snapshot is the time from just before the write to the API server until a client of the xDS
	// server has the change.
	snapshot time.Duration
	// translation is the mean duration of the translations that the change caused.
	translation time.Duration
	// translations is the number of these translations.
	translations int
}

// run measures everything that the options request.
func run(ctx context.Context, o options) error {
	list, err := chosen(o.variants)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "benchgateway-")
	if err != nil {
		return fmt.Errorf("make a directory to run in: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o755); err != nil {
		return fmt.Errorf("make a directory for logs: %w", err)
	}
	c, err := newCluster(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Stop() }()
	b := &bench{options: o, cluster: c}
	if b.home, err = newHome(ctx, dir, o.egraft, c); err != nil {
		return err
	}
	var all []result
	for _, size := range o.sizes {
		results, err := b.size(ctx, list, size)
		if err != nil {
			return err // keep the logs
		}
		all = append(all, results...)
	}
	return errors.Join(report(os.Stdout, o.out, all), c.Stop(), os.RemoveAll(dir))
}

// bench is the state of the measurements.
type bench struct {
	options
	cluster *cluster
	home    *home
	changes int // so far; makes each change different
}

func progress(format string, values ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05")+" "+format+"\n", values...)
}

// size measures all variants with the given number of routes.
func (b *bench) size(ctx context.Context, list []variant, size int) ([]result, error) {
	began := time.Now()
	if err := b.cluster.grow(ctx, size); err != nil {
		return nil, err
	}
	progress("%d routes made in %s", size, time.Since(began).Round(time.Second/10))
	if err := b.settle(ctx, size); err != nil {
		return nil, err
	}
	results := make([]result, len(list))
	for i, v := range list {
		results[i] = result{Variant: v.name, Routes: size}
	}
	for range b.rounds {
		for i, v := range list {
			if err := b.variant(ctx, v, &results[i]); err != nil {
				return nil, err
			}
		}
	}
	for i := range results {
		results[i].settle()
		printBenchstat(os.Stdout, results[i])
	}
	return results, nil
}

// settle waits until Envoy Gateway has written the status of new routes.
func (b *bench) settle(ctx context.Context, size int) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it timed out after %s", patience))
	defer cancel()
	if err := b.cluster.setPolicy(ctx, false); err != nil {
		return err
	}
	r, err := b.home.start(ctx, variants()[0], size, false)
	if err != nil {
		return err
	}
	err = errors.Join(b.cluster.waitStatus(ctx, r.gateway), r.stop())
	progress("%d routes have a status after %s", size, time.Since(began).Round(time.Second/10))
	return err
}

// variant measures a variant once.
func (b *bench) variant(ctx context.Context, v variant, to *result) (err error) {
	began := time.Now()
	startCtx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it timed out after %s", patience))
	defer cancel()
	if err := b.cluster.setPolicy(startCtx, v.policy); err != nil {
		return err
	}
	r, err := b.home.start(startCtx, v, to.Routes, b.profiles != "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	for range warmUps {
		if _, err := b.change(ctx, v, r, to.Routes); err != nil {
			return err
		}
	}
	ready := time.Since(began)
	profiled := b.profile(ctx, v, to.Routes)
	changes, err := b.changeMany(ctx, v, r, to)
	if err != nil {
		return err
	}
	progress("%5d routes, %-17s ready after %s, %d changes in %s", to.Routes, v.name, ready.Round(time.Second/10), changes, (time.Since(began) - ready).Round(time.Second/10))
	return <-profiled
}

// changeMany changes routes for the time that the options set.
func (b *bench) changeMany(ctx context.Context, v variant, r *running, to *result) (changes int, err error) {
	before, err := r.usage(ctx, v)
	if err != nil {
		return 0, err
	}
	for until := time.Now().Add(b.time); changes < minChanges || changes < maxChanges && time.Now().Before(until); changes++ {
		s, err := b.change(ctx, v, r, to.Routes)
		if err != nil {
			return 0, err
		}
		to.samples = append(to.samples, s)
	}
	after, err := r.usage(ctx, v)
	to.used.add(after, before)
	return changes, err
}

// change changes a route and waits until Envoy Gateway has processed the change.
func (b *bench) change(ctx context.Context, v variant, r *running, size int) (s sample, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it timed out after %s", patience))
	defer cancel()
	before, err := translated(ctx)
	if err != nil {
		return s, err
	}
	b.changes++
	path, route := fmt.Sprintf("/changed-%06d", b.changes), b.changes*37%size // successive routes are not neighbours
	began := time.Now()
	if err := b.cluster.change(ctx, route, path); err != nil {
		return s, err
	}
	at, err := r.client.waitPath(ctx, path)
	if err != nil {
		return s, fmt.Errorf("%s with %d routes (logs are in %s/log): %w", v.name, size, b.home.dir, err)
	}
	var after translations
	if err := r.gateway.Wait(ctx, "the metric of the translation", func(ctx context.Context) error {
		if after, err = translated(ctx); err == nil && after.count == before.count {
			err = errors.New("no translation was counted")
		}
		return err
	}); err != nil {
		return s, err
	}
	n := after.count - before.count
	took := time.Duration((after.seconds - before.seconds) / n * float64(time.Second))
	return sample{snapshot: at.Sub(began), translations: int(n), translation: took}, nil
}

// profile writes a CPU profile of Envoy Gateway, if requested.
func (b *bench) profile(ctx context.Context, v variant, size int) <-chan error {
	done := make(chan error, 1)
	if b.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		url := fmt.Sprintf("http://127.0.0.1:19000/debug/pprof/profile?seconds=%d", max(1, int(b.time.Seconds())))
		done <- download(ctx, url, filepath.Join(b.profiles, fmt.Sprintf("%s-%d.pprof", v.name, size)))
	}()
	return done
}

func download(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("get %s: %s", url, response.Status))
	}
	return os.WriteFile(path, content, 0o644)
}
