package nodes

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"redrive/deploy/containers"
)

// image is the tag of the image of all nodes.
const image = "redrive-nodes:latest"

// accounts are the users of the nodes. PostgreSQL refuses to run as root.
const accounts = "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/data:/bin/sh\nredis:x:71:71::/data:/bin/sh\nredrive:x:72:72::/:/bin/sh\n"

// importImage makes an image of directories. Programs and libraries come from /usr of this machine, which containers mount.
func (l *lab) importImage(ctx context.Context) (err error) {
	file := filepath.Join(l.dir, "image.tar")
	if err := writeImage(file); err != nil {
		return fmt.Errorf("write the image of the nodes: %w", err)
	}
	_, err = containers.Docker(ctx, "import", "--change", "LABEL "+label+"=image", file, image)
	return err
}

func writeImage(file string) (err error) {
	out, err := os.Create(filepath.Clean(file))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	defer func() { err = errors.Join(err, archive.Close(), out.Close()) }()
	entries := []tar.Header{
		{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644, Size: int64(len(accounts))},
		{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o1777},
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		target, err := os.Readlink("/" + name)
		if err != nil {
			return fmt.Errorf("/%s is no link into /usr, as it is on Debian: %w", name, err)
		}
		entries = append(entries, tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
	}
	for _, entry := range entries {
		entry.ModTime = time.Unix(0, 0)
		if err := archive.WriteHeader(&entry); err != nil {
			return err
		}
		if entry.Typeflag == tar.TypeReg {
			if _, err := archive.Write([]byte(accounts)); err != nil {
				return err
			}
		}
	}
	return nil
}
