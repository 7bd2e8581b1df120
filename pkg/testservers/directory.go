package testservers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	directoryPrefix = "redrive-"
	lockName        = "lock"
	logName         = "log"
	dataName        = "data"

	// freshFor is the age below which sweep ignores a directory, because its owner may not have locked it yet.
	freshFor = time.Minute
)

// directory is the directory of a server's files. Its owner holds a lock on it, which the kernel releases when the owner dies. A process ID
// in the name would not do, because containers with different process IDs can share a directory for temporary files.
type directory struct {
	path string
	lock *os.File
}

// newDirectory makes a directory for a server of the given kind. The server runs as the given user, or as this process's user if it is nil.
func newDirectory(kind string, as *account) (_ *directory, err error) {
	parent, err := temporaryParent(as)
	if err != nil {
		return nil, err
	}
	sweep(parent, time.Now().Add(-freshFor))

	path, err := os.MkdirTemp(parent, directoryPrefix+kind+"-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	d := &directory{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.remove())
		}
	}()
	if d.lock, err = os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("making the lock file: %w", err)
	}
	if err = syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if err = os.Mkdir(d.data(), 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	if as != nil {
		// The server may enter this directory, and owns only the data below it.
		if err = os.Chmod(path, 0o711); err != nil {
			return nil, fmt.Errorf("opening %s for user %s: %w", path, as.name, err)
		}
		if err = os.Chown(d.data(), int(as.uid), int(as.gid)); err != nil {
			return nil, fmt.Errorf("giving the data directory to user %s: %w", as.name, err)
		}
	}
	return d, nil
}

func (d *directory) data() string { return filepath.Join(d.path, dataName) }

func (d *directory) log() string { return filepath.Join(d.path, logName) }

// openLog opens the server's log for appending.
func (d *directory) openLog() (*os.File, error) {
	return os.OpenFile(d.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// remove deletes the directory. It may be called twice.
func (d *directory) remove() error {
	err := os.RemoveAll(d.path)
	if d.lock != nil {
		_ = d.lock.Close() // nothing was written
		d.lock = nil
	}
	return err
}

// sweep removes the directories in parent that are older than the given time and whose owners are dead. Failures are ignored, because the
// next sweep tries again.
func sweep(parent string, before time.Time) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), directoryPrefix) {
			continue
		}
		if info, err := entry.Info(); err != nil || info.ModTime().After(before) {
			continue
		}
		removeAbandoned(filepath.Join(parent, entry.Name()))
	}
}

func removeAbandoned(path string) {
	// It follows no links and does not block on a pipe, since any user can create files in a directory for temporary files.
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer func() { _ = lock.Close() }()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.RemoveAll(path)
	}
}
