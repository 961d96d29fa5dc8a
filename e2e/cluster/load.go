package cluster

import (
	"context"
	"fmt"
	"path/filepath"
)

// PackProgram packs an image of egraft with a program, as hack/image.sh does for releases, with
// hack/tools/image, and returns its tarball.
func PackProgram(ctx context.Context, tool, dir, reference, program string) (string, error) {
	i := image{name: "egraft", references: []string{reference}, entrypoint: "/egraft", files: map[string]string{"egraft": program}}
	return filepath.Join(dir, i.name+".tar"), i.pack(ctx, tool, dir)
}

// Load loads the images of a tarball into the cluster, as docs/install.md does.
func (e *Environment) Load(ctx context.Context, tarball string) error {
	command := []string{"ctr", "--namespace", "k8s.io", "images", "import", tarball}
	if e.options.Name == "kind" {
		command = []string{"kind", "load", "image-archive", tarball}
	}
	if _, problem, err := e.Run(ctx, nil, command...); err != nil {
		return fmt.Errorf("load an image: %w\n%s", err, problem)
	}
	return nil
}
