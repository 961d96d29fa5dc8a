package cluster

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// nonroot is the default user of images.
const nonroot = "65532:65532"

// image is an image of programs of this machine, for machines that cannot pull one.
type image struct {
	name       string
	references []string
	entrypoint string
	// files are the files of the image, by their path in it.
	files map[string]string
	// directories are the directories with these paths that the user can write to.
	directories []string
	user        string
}

// common are files that programs expect in any image.
var common = map[string]string{
	"etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
	"etc/group":         "root:x:0:\nnonroot:x:65532:\n",
	"etc/nsswitch.conf": "hosts: files dns\n",
}

// pack writes an image into the tarball NAME.tar with hack/tools/image.
func (i image) pack(ctx context.Context, tool, dir string) error {
	root := filepath.Join(dir, i.name)
	if err := i.stage(ctx, root); err != nil {
		return fmt.Errorf("image %s: %w", i.name, err)
	}
	user := i.user
	if user == "" {
		user = nonroot
	}
	arguments := []string{"--output", root + ".tar", "--entrypoint", i.entrypoint, "--user", user, "--gzip", "1"}
	for _, reference := range i.references {
		arguments = append(arguments, "--reference", reference)
	}
	for _, directory := range i.directories {
		arguments = append(arguments, "--owner", "/"+directory+"="+user)
	}
	cmd := exec.CommandContext(ctx, tool, append(arguments, platform+"="+root)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("image %s: %w\n%s", i.name, err, out)
	}
	return os.RemoveAll(root)
}

// stage creates the image's root directory.
func (i image) stage(ctx context.Context, root string) error {
	for path, content := range common {
		if err := write(filepath.Join(root, path), content); err != nil {
			return err
		}
	}
	for _, directory := range append([]string{"tmp"}, i.directories...) {
		if err := os.MkdirAll(filepath.Join(root, directory), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	for path, source := range i.files {
		if err := copyFile(source, filepath.Join(root, path)); err != nil {
			return err
		}
		libraries, err := libraries(ctx, source)
		if err != nil {
			return err
		}
		for _, library := range libraries {
			if err := copyFile(library, filepath.Join(root, library)); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

// copyFile copies an executable file if it does not exist yet.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

var libraryPath = regexp.MustCompile(`(/\S+) \(0x`)

// libraries returns the shared libraries of a program, including its loader, as paths on this
// machine. A static program has none.
func libraries(ctx context.Context, program string) ([]string, error) {
	file, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	imported, err := file.ImportedLibraries()
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(imported) == 0 {
		return nil, nil
	}
	out, err := exec.CommandContext(ctx, "ldd", program).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w\n%s", program, err, out)
	}
	var paths []string
	for _, match := range libraryPath.FindAllStringSubmatch(string(out), -1) {
		paths = append(paths, match[1])
	}
	if strings.Contains(string(out), "not found") || len(paths) == 0 {
		return nil, fmt.Errorf("ldd %s: %s", program, out)
	}
	return paths, nil
}
