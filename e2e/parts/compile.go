package parts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/progress"
)

// compilation is a run of go build.
type compilation struct {
	dir      string
	env      []string // in addition to this process's
	flags    []string
	out      string
	packages []string
	nice     int // as of nice(1)
}

func (c compilation) command(ctx context.Context, verb string, arguments ...string) (string, []string) {
	arguments = append([]string{verb}, arguments...)
	if c.nice == 0 {
		return "go", arguments
	}
	return "nice", append([]string{"-n", strconv.Itoa(c.nice), "go"}, arguments...)
}

// run builds, and reports its progress to a task. The compiler's output goes to log.
func (c compilation) run(ctx context.Context, task *progress.Task, log io.Writer) error {
	sizes, err := c.stale(ctx)
	if err != nil {
		return err
	}
	var whole int64
	for _, size := range sizes {
		whole += size
	}
	task.Expect(len(sizes), whole, "packages", "linking")
	counted := &counter{task: task, sizes: sizes, log: log}
	name, arguments := c.command(ctx, "build", append(append(append([]string{"-v"}, c.flags...), "-o", c.out), c.packages...)...)
	cmd := command(ctx, name, arguments...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(os.Environ(), c.env...), counted, counted
	if err := run(cmd); err != nil {
		return fmt.Errorf("go build %s: %w", strings.Join(c.packages, " "), err)
	}
	return nil
}

// stale returns the packages that must be compiled, with the sizes of their sources. Missing
// modules are downloaded.
func (c compilation) stale(ctx context.Context) (map[string]int64, error) {
	const format = `{{if .Stale}}{{.ImportPath}}{{"\t"}}{{.Dir}}{{range .GoFiles}}{{"\t"}}{{.}}{{end}}{{end}}`
	var out, problem bytes.Buffer
	name, arguments := c.command(ctx, "list", append(append([]string{"-deps", "-f", format}, listed(c.flags)...), c.packages...)...)
	cmd := command(ctx, name, arguments...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(os.Environ(), c.env...), &out, &problem
	if err := run(cmd); err != nil {
		return nil, fmt.Errorf("go list -deps %s: %w\n%s", strings.Join(c.packages, " "), err, bytes.TrimSpace(problem.Bytes()))
	}
	sizes := map[string]int64{}
	for line := range strings.Lines(out.String()) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) > 1 {
			sizes[fields[0]] = sourceSize(fields[1], fields[2:])
		}
	}
	return sizes, nil
}

// listed returns the flags of go build that go list also accepts.
func listed(flags []string) []string {
	var out []string
	for i := 0; i < len(flags); i++ {
		if flags[i] == "-ldflags" {
			i++ // and its value
			continue
		}
		out = append(out, flags[i])
	}
	return out
}

func sourceSize(dir string, files []string) int64 {
	size := int64(1)
	for _, name := range files {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			size += info.Size()
		}
	}
	return size
}

// counter extracts the names of packages from go build's output, and writes the rest to log.
type counter struct {
	task  *progress.Task
	sizes map[string]int64
	log   io.Writer
	part  []byte // of a line
}

func (c *counter) Write(p []byte) (int, error) {
	c.part = append(c.part, p...)
	for {
		line, rest, whole := bytes.Cut(c.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		c.part = rest
		if size, ok := c.sizes[string(line)]; ok {
			delete(c.sizes, string(line))
			c.task.Step(size)
			continue
		}
		if _, err := fmt.Fprintf(c.log, "%s\n", line); err != nil {
			return 0, err
		}
	}
}
