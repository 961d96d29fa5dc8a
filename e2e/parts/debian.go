package parts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unpack downloads packages of this machine's Debian release and unpacks them into a directory. It
// installs nothing.
func unpack(ctx context.Context, j job, directory string, packages ...string) error {
	downloads := filepath.Join(j.work, "packages")
	if err := os.MkdirAll(downloads, 0o755); err != nil {
		return fmt.Errorf("make a directory for packages: %w", err)
	}
	cmd := command(ctx, "apt-get", append([]string{"download"}, packages...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = downloads, j.log, j.log
	if err := run(cmd); err != nil {
		return fmt.Errorf("apt-get download %s: %w", strings.Join(packages, " "), err)
	}
	files, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return fmt.Errorf("find what was downloaded: %w", err)
	}
	for _, file := range files {
		cmd := command(ctx, "dpkg-deb", "--extract", file, directory)
		cmd.Stdout, cmd.Stderr = j.log, j.log
		if err := run(cmd); err != nil {
			return fmt.Errorf("dpkg-deb --extract %s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

// found returns the only directory below root that contains a file.
func found(root, file string) (string, error) {
	for _, pattern := range []string{"usr/lib/*", "usr/lib", "lib/*"} {
		if matches, err := filepath.Glob(filepath.Join(root, pattern, file)); err == nil && len(matches) > 0 {
			return filepath.Dir(matches[0]), nil
		}
	}
	return "", fmt.Errorf("no package has %s", file)
}

// unpackNft takes nft and its libraries from Debian's packages. The program is a script that sets
// the path of the libraries for the real one.
func unpackNft(ctx context.Context, j job, binary string) error {
	root := filepath.Join(filepath.Dir(binary), "root")
	packages := []string{
		"nftables", "libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libedit2", "libbsd0", "libmd0",
		"libgmp10", "libreadline8", "libtinfo6", "libxtables12",
	}
	if err := unpack(ctx, j, root, packages...); err != nil {
		return err
	}
	libraries, err := found(root, "libnftables.so.1")
	if err != nil {
		return err
	}
	inside, err := filepath.Rel(root, libraries)
	if err != nil {
		return fmt.Errorf("find the libraries of nft: %w", err)
	}
	script := "#!/bin/sh\nroot=$(dirname \"$(readlink -f \"$0\")\")/root\n" +
		"LD_LIBRARY_PATH=$root/" + inside + " exec \"$root/usr/sbin/nft\" \"$@\"\n"
	return os.WriteFile(binary, []byte(script), 0o755)
}

// buildRunc builds a static runc with Debian's libseccomp.
func buildRunc(ctx context.Context, j job, binary string) error {
	root := filepath.Join(j.work, "root")
	if err := unpack(ctx, j, root, "libseccomp-dev", "libseccomp2"); err != nil {
		return err
	}
	libraries, err := found(root, "libseccomp.a")
	if err != nil {
		return err
	}
	cmd := command(ctx, "go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w -extldflags -static",
		"-tags", "seccomp,netgo,osusergo", "-o", binary, "github.com/opencontainers/runc")
	cmd.Dir, cmd.Stdout, cmd.Stderr = j.module, j.log, j.log
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=", "GOWORK=off", "PKG_CONFIG_PATH="+filepath.Join(libraries, "pkgconfig"),
		"PKG_CONFIG_SYSROOT_DIR="+root, "CGO_CFLAGS=-I"+filepath.Join(root, "usr", "include"), "CGO_LDFLAGS=-L"+libraries)
	if err := run(cmd); err != nil {
		return fmt.Errorf("go build runc: %w", err)
	}
	return nil
}
