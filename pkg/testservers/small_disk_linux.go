package testservers

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// SmallDisk is a mounted disk of few megabytes.
type SmallDisk struct {
	tb    testing.TB
	mount string
}

// NewSmallDisk mounts a disk of a size in megabytes until the test ends. It skips the test if this process must not mount disks.
func NewSmallDisk(tb testing.TB, megabytes int) *SmallDisk {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("only root can mount a small disk")
	}
	mount, err := os.MkdirTemp("", "redrive-disk")
	if err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, diskSize(megabytes)); err != nil {
		_ = os.Remove(mount)
		tb.Skipf("this machine does not let root mount a small disk: %v", err)
	}
	tb.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			tb.Errorf("testservers: unmounting a small disk: %v", err)
		}
		if err := os.Remove(mount); err != nil {
			tb.Errorf("testservers: %v", err)
		}
	})
	if err := os.Chmod(mount, 0o755); err != nil { // another user's server has to reach the folder
		tb.Fatalf("testservers: %v", err)
	}
	return &SmallDisk{tb: tb, mount: mount}
}

// Folder makes a folder on the disk, which belongs to the owner of another folder, and returns its path.
func (d *SmallDisk) Folder(like string) string {
	d.tb.Helper()
	owner, err := os.Stat(like)
	if err != nil {
		d.tb.Fatalf("testservers: %v", err)
	}
	folder := filepath.Join(d.mount, "tables")
	if err := os.Mkdir(folder, 0o700); err != nil {
		d.tb.Fatalf("testservers: %v", err)
	}
	if status, ok := owner.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(folder, int(status.Uid), int(status.Gid)); err != nil {
			d.tb.Fatalf("testservers: %v", err)
		}
	}
	return folder
}

// Grow gives the disk another size, in megabytes.
func (d *SmallDisk) Grow(megabytes int) {
	d.tb.Helper()
	if err := unix.Mount("tmpfs", d.mount, "tmpfs", unix.MS_REMOUNT, diskSize(megabytes)); err != nil {
		d.tb.Fatalf("testservers: growing a small disk: %v", err)
	}
}

func diskSize(megabytes int) string { return fmt.Sprintf("size=%dm", megabytes) }
