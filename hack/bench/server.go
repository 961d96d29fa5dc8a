package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/egraft/egraft/hack/rawcodec"
)

// servers returns the servers in the order of the tables.
func servers(o options) []string {
	switch {
	case o.policies:
		return withPolicies()
	case o.before != "":
		return []string{"egraft", withoutJournal, otherBuild}
	case o.journal:
		return []string{"egraft", withoutJournal}
	}
	return []string{"egraft", "echo", "plain", "example"}
}

// These are egraft as well.
const (
	withoutJournal = "egraft without journal"
	otherBuild     = "egraft before"
)

func isEgraft(name string) bool {
	return name == "egraft" || name == withoutJournal || name == otherBuild || policyOf(name) != ""
}

// server is a process and a client of it.
type server struct {
	name  string
	cmd   *exec.Cmd
	conn  *grpc.ClientConn
	admin string
}

// start runs a server in dir until ctx ends.
func start(ctx context.Context, name, dir string, o options) (*server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{name: name, admin: must(freeAddress(ctx))}
	socket := filepath.Join(dir, name)
	args := []string{"-peer", name, "-socket", socket, "-admin", s.admin}
	if isEgraft(name) {
		args = []string{serveCommand, "--socket", socket, "--admin-address", s.admin, "--log-level", "error", "--cache-size", o.cache}
		if name == withoutJournal {
			args = append(args, "--journal-size", "0")
		}
		program = cmp.Or(o.egraft, program)
		if name == otherBuild {
			program = o.before
		}
	}
	s.cmd = exec.CommandContext(ctx, program, args...)
	if name != failing { // which logs a line for each cluster
		s.cmd.Stderr = os.Stderr
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.conn, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(
		grpc.ForceCodecV2(rawcodec.New()), grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage), grpc.WaitForReady(true)))
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, s.ready(ctx)
}

// ready waits until the server accepts connections.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		s.conn.Connect()
		state := s.conn.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if state == connectivity.TransientFailure {
			s.conn.ResetConnectBackoff()
		}
		if !s.conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("%s does not serve: %w", s.name, context.Cause(ctx))
		}
	}
}

func (s *server) stop() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// call sends a request, and returns the response or discards it.
func (s *server) call(ctx context.Context, r *request, answer *[]byte) error {
	if err := s.conn.Invoke(ctx, r.method, &r.body, answer); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// usage is the resources that a process has used since its start, and its current memory.
type usage struct{ bytes, allocs, cpu, resident, cache, journal, journalCalls float64 }

// usage reads the metrics that every Go process with a Prometheus client serves.
func (s *server) usage(ctx context.Context) (u usage, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		return u, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return u, err
	}
	defer res.Body.Close()
	wanted := map[string]*float64{
		"go_memstats_alloc_bytes_total": &u.bytes, "go_memstats_mallocs_total": &u.allocs,
		"process_cpu_seconds_total":     &u.cpu,
		"process_resident_memory_bytes": &u.resident, "egraft_cache_bytes": &u.cache,
		"egraft_journal_bytes": &u.journal, "egraft_journal_calls": &u.journalCalls,
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if target := wanted[name]; target != nil {
			if *target, err = strconv.ParseFloat(value, 64); err != nil {
				return u, fmt.Errorf("%s: metric %s: %w", s.name, name, err)
			}
		}
	}
	if u.allocs == 0 {
		return u, errors.Join(lines.Err(), fmt.Errorf("%s has no metrics", s.name))
	}
	return u, lines.Err()
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
