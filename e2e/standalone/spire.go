package standalone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

// agentID is the SPIFFE ID of SPIRE's agent, the parent of all entries.
const agentID = "spiffe://" + manifest.TrustDomain + "/agent"

// serverConfig has %[1]s for the directory. Port 8081, SPIRE's default, is used by Envoy Gateway's
// health probe. The interval is the time until agents get a new entry; SPIRE's default is 5 s.
const serverConfig = `
server {
  bind_address = "127.0.0.1"
  bind_port = "18081"
  socket_path = "%[1]s/server.sock"
  trust_domain = "` + manifest.TrustDomain + `"
  data_dir = "%[1]s/server"
  log_level = "INFO"
  default_x509_svid_ttl = "1h"
  experimental { cache_reload_interval = "1s" }
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "%[1]s/server/data.sqlite3" } }
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { keys_path = "%[1]s/server/keys.json" } }
}
`

// agentConfig has %[1]s for the directory and %[2]s for the socket.
const agentConfig = `
agent {
  data_dir = "%[1]s/agent"
  log_level = "DEBUG"
  server_address = "127.0.0.1"
  server_port = "18081"
  socket_path = "%[2]s"
  trust_domain = "` + manifest.TrustDomain + `"
  trust_bundle_path = "%[1]s/bundle.pem"
  experimental { sync_interval = "1s" }
}
plugins {
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { directory = "%[1]s/agent" } }
  WorkloadAttestor "unix" { plugin_data { discover_workload_path = true } }
}
`

// spireAuthority is a SPIRE server and agent.
type spireAuthority struct {
	dir, socket, program string
	server, agent        *process.Process
	bundle               []byte
	entries              []Entry
	rotations            int
}

func newSPIREAuthority(dir, socket string, programs programs) (*spireAuthority, error) {
	s := &spireAuthority{dir: filepath.Join(dir, "spire"), socket: socket, program: programs[parts.SPIREServer]}
	for _, sub := range []string{"server", "agent"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("directory for SPIRE: %w", err)
		}
	}
	files := map[string]string{"server.conf": fmt.Sprintf(serverConfig, s.dir), "agent.conf": fmt.Sprintf(agentConfig, s.dir, socket)}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			return nil, fmt.Errorf("configure SPIRE: %w", err)
		}
	}
	s.server = process.New(dir, "spire-server", s.program, "run", "-config", filepath.Join(s.dir, "server.conf"))
	s.agent = process.New(dir, "spire-agent", programs[parts.SPIREAgent], "run", "-config", filepath.Join(s.dir, "agent.conf"))
	return s, nil
}

// Start starts the agent, and on the first call the server before it.
func (s *spireAuthority) Start(ctx context.Context) error {
	if !s.server.Running() {
		if err := s.startServer(ctx); err != nil {
			return err
		}
	}
	if err := s.agent.Start(); err != nil {
		return err
	}
	return s.agent.Wait(ctx, "SPIRE agent to listen", func(context.Context) error {
		_, err := os.Stat(s.socket)
		return err
	})
}

// startServer starts the server, and gets from it what an agent needs to join.
func (s *spireAuthority) startServer(ctx context.Context) error {
	if err := s.server.Start(); err != nil {
		return err
	}
	err := s.server.Wait(ctx, "SPIRE server to answer", func(ctx context.Context) (err error) {
		s.bundle, err = s.ask(ctx, nil, "bundle", "show")
		return err
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "bundle.pem"), s.bundle, 0o644); err != nil {
		return fmt.Errorf("write SPIRE's bundle: %w", err)
	}
	token, err := s.ask(ctx, nil, "token", "generate", "-spiffeID", agentID)
	if err != nil {
		return err
	}
	_, value, ok := strings.Cut(strings.TrimSpace(string(token)), "Token: ")
	if !ok {
		return fmt.Errorf("SPIRE's join token: unexpected output %q", token)
	}
	s.agent.AddArguments("-joinToken", value)
	return nil
}

// Stop stops the agent.
func (s *spireAuthority) Stop() error { return s.agent.Stop() }

func (s *spireAuthority) Close() error { return errors.Join(s.agent.Stop(), s.server.Stop()) }

func (s *spireAuthority) Socket() string { return s.socket }

func (s *spireAuthority) Bundle() []byte { return s.bundle }

func (s *spireAuthority) AddEntries(ctx context.Context, entries ...Entry) error {
	data, err := s.registration(entries)
	if err != nil {
		return err
	}
	if _, err := s.ask(ctx, data, "entry", "create", "-data", "-"); err != nil {
		return err
	}
	s.entries = append(s.entries, entries...)
	return nil
}

func (s *spireAuthority) RemoveEntry(ctx context.Context, entry Entry) error {
	if _, err := s.ask(ctx, nil, "entry", "delete", "-entryID", entryID(entry)); err != nil {
		return err
	}
	s.entries = slices.DeleteFunc(s.entries, func(e Entry) bool { return entryID(e) == entryID(entry) })
	return nil
}

// Rotate slightly changes all entries, so that the agent gets new SVIDs.
func (s *spireAuthority) Rotate(ctx context.Context) error {
	s.rotations++
	data, err := s.registration(s.entries)
	if err != nil {
		return err
	}
	_, err = s.ask(ctx, data, "entry", "update", "-data", "-")
	return err
}

// registration returns the file that SPIRE's command line reads.
func (s *spireAuthority) registration(entries []Entry) ([]byte, error) {
	type selector struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	type registration struct {
		EntryID       string     `json:"entry_id"`
		ParentID      string     `json:"parent_id"`
		SPIFFEID      string     `json:"spiffe_id"`
		Selectors     []selector `json:"selectors"`
		X509SVIDTTL   int        `json:"x509_svid_ttl"`
		DNSNames      []string   `json:"dns_names,omitempty"`
		FederatesWith []string   `json:"federates_with,omitempty"`
	}
	var out struct {
		Entries []registration `json:"entries"`
	}
	for _, e := range entries {
		ttl := e.TTL
		if ttl == 0 {
			ttl = time.Hour
		}
		out.Entries = append(out.Entries, registration{
			EntryID: entryID(e), ParentID: agentID, SPIFFEID: e.ID(), DNSNames: e.DNSNames, FederatesWith: e.FederatesWith,
			Selectors:   []selector{{Type: "unix", Value: "path:" + e.Executable}},
			X509SVIDTTL: int(ttl.Seconds()) + s.rotations,
		})
	}
	return json.Marshal(out)
}

// entryID returns an entry's ID, made from its SPIFFE ID and program.
func entryID(e Entry) string {
	return strings.Trim(strings.NewReplacer("/", "-").Replace(e.Path), "-") + "." + filepath.Base(e.Executable)
}

// ask runs a command of SPIRE's server.
func (s *spireAuthority) ask(ctx context.Context, input []byte, object, verb string, arguments ...string) ([]byte, error) {
	arguments = append([]string{object, verb, "-socketPath", filepath.Join(s.dir, "server.sock")}, arguments...)
	cmd := exec.CommandContext(ctx, s.program, arguments...)
	var out, problem bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("spire-server %s %s: %w\n%s%s", object, verb, err, out.Bytes(), problem.Bytes())
	}
	return out.Bytes(), nil
}
