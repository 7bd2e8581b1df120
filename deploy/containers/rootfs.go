package containers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// owner is the owner of a file in an image.
type owner struct{ user, group int }

var root owner

// rootfs writes the file system of an image. Parent directories are added when needed. Times are not kept, so that equal content gives an
// equal image.
type rootfs struct {
	ctx     context.Context // it lives as long as one build
	archive *tar.Writer
	have    map[string]bool
	err     error // the first error; nothing is written after it
}

func newRootfs(ctx context.Context, w io.Writer) *rootfs {
	return &rootfs{ctx: ctx, archive: tar.NewWriter(w), have: map[string]bool{}}
}

func (r *rootfs) close() error { return errors.Join(r.err, r.archive.Close()) }

func (r *rootfs) header(h *tar.Header) bool {
	if r.err != nil || r.have[h.Name] {
		return false
	}
	r.have[h.Name] = true
	if dir := path.Dir(strings.TrimSuffix(h.Name, "/")); dir != "." {
		r.dir("/"+dir, 0o755, root)
	}
	h.ModTime = time.Unix(0, 0)
	if r.err == nil {
		r.err = r.archive.WriteHeader(h)
	}
	return r.err == nil
}

// name returns a path in the form that archives use.
func name(path string) string { return strings.TrimPrefix(path, "/") }

func (r *rootfs) dir(path string, mode int64, of owner) {
	r.header(&tar.Header{Typeflag: tar.TypeDir, Name: name(path) + "/", Mode: mode, Uid: of.user, Gid: of.group})
}

func (r *rootfs) link(path, target string) {
	r.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: name(path), Linkname: target, Mode: 0o777})
}

func (r *rootfs) text(path string, mode int64, content string) {
	if r.header(&tar.Header{Typeflag: tar.TypeReg, Name: name(path), Mode: mode, Size: int64(len(content))}) {
		_, r.err = io.WriteString(r.archive, content)
	}
}

// file copies a file of this machine, under its path or under another.
func (r *rootfs) file(from, to string) {
	if r.err != nil {
		return
	}
	source, err := os.Open(filepath.Clean(from))
	if err != nil {
		r.err = err
		return
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		r.err = err
		return
	}
	if r.header(&tar.Header{Typeflag: tar.TypeReg, Name: name(to), Mode: int64(info.Mode().Perm()), Size: info.Size()}) {
		_, r.err = io.Copy(r.archive, source)
	}
}

// tree copies a directory of this machine without the named entries. Links are followed.
func (r *rootfs) tree(from, to string, without ...string) {
	skip := make(map[string]bool, len(without))
	for _, entry := range without {
		skip[filepath.Join(from, entry)] = true
	}
	err := filepath.WalkDir(from, func(found string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case skip[found] && entry.IsDir():
			return filepath.SkipDir
		case entry.IsDir():
			return r.err
		}
		info, err := os.Stat(found)
		if err == nil && info.Mode().IsRegular() {
			r.file(found, path.Join(to, strings.TrimPrefix(found, from)))
		}
		return r.err
	})
	if r.err == nil {
		r.err = err
	}
}

// program copies a program of this machine with its shared libraries.
func (r *rootfs) program(file string) {
	r.file(file, file)
	libraries, err := exec.CommandContext(r.ctx, "ldd", file).Output()
	if err != nil {
		return // a static program has none
	}
	for line := range strings.Lines(string(libraries)) {
		for field := range strings.FieldsSeq(line) {
			if strings.HasPrefix(field, "/") {
				r.file(field, field)
				break
			}
		}
	}
}

// base adds a shell, the trusted certificates and the accounts.
func (r *rootfs) base(accounts ...account) {
	const busybox = "/bin/busybox"
	r.file(busybox, busybox)
	applets, err := exec.CommandContext(r.ctx, busybox, "--list").Output()
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("list the programs of busybox: %w", err)
	}
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			r.link("/bin/"+applet, "busybox")
		}
	}
	r.file("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt")
	r.dir("/tmp", 0o1777, root)
	users, groups := "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n"
	for _, a := range append(accounts, account{"nobody", "/", owner{65534, 65534}}) {
		users += fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", a.name, a.user, a.group, a.home)
		groups += fmt.Sprintf("%s:x:%d:\n", a.name, a.group)
	}
	r.text("/etc/passwd", 0o644, users)
	r.text("/etc/group", 0o644, groups)
}

// account is a user with a group of the same name.
type account struct {
	name, home string
	owner
}
