package outside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/wiring"
)

// Standalone has the surroundings of an Envoy Gateway without Kubernetes, as far as they are given.
type Standalone struct {
	// ConfigFile is the path of Envoy Gateway's configuration, and may be empty.
	ConfigFile string
	// Needs are what egraft's features need from it, and Socket is egraft's socket.
	Needs  wiring.Needs
	Socket string
	// EnvoyAdmins are the addresses of the Envoys' admin interfaces.
	EnvoyAdmins []string
}

// Known implements [Surroundings].
func (s *Standalone) Known(_ context.Context, policies []*explain.Policy) []*known.Facts {
	out := make([]*known.Facts, len(policies))
	if s.ConfigFile == "" {
		return out
	}
	config, err := s.config()
	var objects map[string]string
	if err == nil && config.ReadsFiles() {
		objects, err = readObjects(config)
	}
	for i, p := range policies {
		k := Kubernetes{Needs: s.Needs}
		out[i] = &known.Facts{Kind: k.kindOf(p), Namespace: p.Namespace, Name: p.Name, Config: config, Needs: &s.Needs, Socket: s.Socket}
		note(out[i], err)
		if objects != nil {
			find(out[i], objects)
		}
	}
	return out
}

func (s *Standalone) config() (*wiring.Config, error) {
	text, err := os.ReadFile(s.ConfigFile)
	if err != nil {
		return nil, err
	}
	c, err := wiring.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ConfigFile, err)
	}
	return c, nil
}

// find looks up an object in the objects of files.
func find(f *known.Facts, objects map[string]string) {
	prefix := f.Group + " " + f.Kind.Kind + " "
	if _, there := objects[prefix+f.Namespace+"/"+f.Name]; there {
		f.Exists = known.There
		return
	}
	f.Exists = known.Absent
	var names []string
	for title := range objects {
		if name, ok := strings.CutPrefix(title, prefix); ok {
			names = append(names, name)
		}
	}
	f.Near = explain.Nearest(f.Namespace+"/"+f.Name, names, 3)
}

const (
	maxFiles     = 10000
	maxFileBytes = 16 << 20
)

// readObjects returns the names of all objects in the files that Envoy Gateway reads, with the file
// as value. In directories, it reads neither subdirectories nor hidden files.
func readObjects(c *wiring.Config) (map[string]string, error) {
	out := map[string]string{}
	if c.Provider.Custom.Resource.File == nil {
		return out, nil
	}
	for _, path := range c.Provider.Custom.Resource.File.Paths {
		files, err := filesAt(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := readNames(file, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func filesAt(path string) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("%s has more than %d files", path, maxFiles)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, nil
}

// readNames adds the objects of a file. If one cannot be read, Envoy Gateway loads none of them.
func readNames(file string, to map[string]string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		err = errors.New("is too large")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	objects, err := explain.ParseObjects(bytes.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, o := range objects {
		s := explain.SubjectOf(o)
		to[s.Group+" "+s.Kind+" "+s.Namespace+"/"+s.Name] = file
	}
	return nil
}

// Envoys implements [Surroundings]. Every Gateway has all given Envoys.
func (s *Standalone) Envoys(context.Context, string) (out []envoyadmin.Envoy, err error) {
	for _, address := range s.EnvoyAdmins {
		out = append(out, EnvoyAt(address))
	}
	return out, nil
}

// EnvoyAt returns an Envoy whose admin interface is at an address.
func EnvoyAt(address string) envoyadmin.Envoy {
	return envoyadmin.Envoy{Name: address, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
	}}
}
