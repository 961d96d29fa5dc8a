package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// packer writes directories as tar files, without the creator and the time of the files.
type packer struct {
	modified time.Time
	owners   []owner
	// modes is false if all files get the same mode: in an image layout, modes depend on the umask.
	modes bool
}

// write writes the content of a directory in the order of names.
func (p *packer) write(output, directory string) (err error) {
	file, err := os.Create(output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w, root := tar.NewWriter(file), os.DirFS(directory)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		return p.add(w, root, name, entry)
	})
	return errors.Join(err, w.Close())
}

// add writes one entry.
func (p *packer) add(w *tar.Writer, root fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header, err := p.header(root, name, info)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(header); err != nil || header.Typeflag != tar.TypeReg {
		return err
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

func (p *packer) header(root fs.FS, name string, info fs.FileInfo) (header *tar.Header, err error) {
	header = &tar.Header{Name: name, ModTime: p.modified, Mode: 0o644}
	header.Uid, header.Gid = ownerOf(name, p.owners)
	switch info.Mode().Type() {
	case 0:
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
	case fs.ModeDir:
		header.Typeflag, header.Mode, header.Name = tar.TypeDir, 0o755, name+"/"
	case fs.ModeSymlink:
		header.Typeflag = tar.TypeSymlink
		header.Linkname, err = fs.ReadLink(root, name)
	default:
		err = fmt.Errorf("%s is neither a file nor a directory nor a symbolic link", name)
	}
	if p.modes {
		header.Mode = modeOf(info)
	}
	return header, err
}

// modeOf returns permissions as in a tar file, with setuid, setgid and the sticky bit.
func modeOf(info fs.FileInfo) int64 {
	mode := int64(info.Mode().Perm())
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if info.Mode()&bit != 0 {
			mode |= value
		}
	}
	return mode
}

// ownerOf returns the owner of a file, root by default.
func ownerOf(name string, owners []owner) (uid, gid int) {
	for _, o := range owners {
		if name == o.path || o.path == "" || strings.HasPrefix(name, o.path+"/") {
			uid, gid = o.uid, o.gid
		}
	}
	return uid, gid
}
