package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const cgroupRoot = "/sys/fs/cgroup"

// controlGroup is the node's control group, above those of all its pods.
func (n *Node) controlGroup() string { return filepath.Base(n.dir) }

// hierarchies returns the directories in which a control group must be created: one with version 2,
// one for each controller with version 1.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	var out []string
	for _, entry := range entries {
		path := filepath.Join(cgroupRoot, entry.Name())
		if _, err := os.Stat(filepath.Join(path, "tasks")); err == nil && entry.Name() != "unified" {
			out = append(out, path)
		}
	}
	return out, nil
}

func makeControlGroups(name string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("make a control group: %w", err)
		}
		// With version 1 they are initially empty, and nothing can run there.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			content, err := os.ReadFile(filepath.Join(root, file))
			if err != nil || root == cgroupRoot {
				continue
			}
			if err := os.WriteFile(filepath.Join(path, file), content, 0o644); err != nil {
				return fmt.Errorf("set %s of a control group: %w", file, err)
			}
		}
	}
	return nil
}

// Clean removes the control groups of a node that has ended, from outside its namespaces.
func Clean(dir string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	// If both versions exist, runc creates groups in the second as well.
	for _, root := range append(roots, filepath.Join(cgroupRoot, "unified")) {
		err = errors.Join(err, removeGroups(filepath.Join(root, filepath.Base(dir))))
	}
	return err
}

// removeGroups removes a control group and all below it, the deepest first.
func removeGroups(path string) error {
	var groups []string
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil // an already removed group is not an error
	}
	if err := filepath.WalkDir(path, walk); err != nil {
		return fmt.Errorf("find the control groups of a node: %w", err)
	}
	for i := len(groups) - 1; i >= 0; i-- {
		if err := os.Remove(groups[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a control group: %w", err)
		}
	}
	return nil
}
