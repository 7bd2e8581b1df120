package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"redrive/pkg/testservers"
)

// standin makes an image from programs that are installed on this machine.
type standin struct {
	// packages are the Debian packages with the programs.
	packages []debian
	// content writes the file system.
	content func(*rootfs) error
	// settings are further lines of the Dockerfile.
	settings string
	// version is the command that prints the version of the program in the image.
	version []string
}

// debian is a package, with a file that shows that it is installed.
type debian struct{ name, file string }

var busybox = debian{"busybox-static", "/bin/busybox"}

// install installs the missing packages. This requires root on Debian or one of its derivatives.
func install(ctx context.Context, progress io.Writer, packages []debian) error {
	var missing []string
	for _, p := range packages {
		if found, err := filepath.Glob(p.file); err != nil || len(found) == 0 {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return testservers.InstallPackages(ctx, progress, missing...)
}

// standins are by the repository of the image that they replace.
var standins = map[string]standin{
	"golang":            golangStandin,
	"postgres":          postgresStandin,
	"redis":             redisStandin,
	"haproxy":           haproxyStandin,
	"prom/prometheus":   prometheusStandin,
	"prom/alertmanager": alertmanagerStandin,
}

const standinPrefix = "redrive-standin/"

// build builds the image from scratch and the file system, under a tag.
func (s standin) build(ctx context.Context, progress io.Writer, e engine, tag string) (err error) {
	if err := install(ctx, progress, s.packages); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "redrive-standin-")
	if err != nil {
		return fmt.Errorf("make a directory for %s: %w", tag, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.write(ctx, filepath.Join(dir, "rootfs.tar")); err != nil {
		return fmt.Errorf("write the files of %s: %w", tag, err)
	}
	dockerfile := "FROM scratch\nADD rootfs.tar /\nENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" + s.settings
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		return fmt.Errorf("write the Dockerfile of %s: %w", tag, err)
	}
	_, err = e.docker(ctx, "build", "--quiet", "--label", "redrive.standin=true", "--tag", tag, dir)
	return err
}

func (s standin) write(ctx context.Context, file string) (err error) {
	out, err := os.Create(filepath.Clean(file))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	files := newRootfs(ctx, out)
	return errors.Join(s.content(files), files.close())
}
