package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"redrive/deploy/containers"
	"redrive/deploy/stack/process"
	"redrive/pkg/testservers"
)

// label marks all objects of a run on the engine. Runs exclude each other, so that an object with the label at the start of a run is left
// from a run that was killed.
const label = "redrive.nodes"

// lab is what one run makes: programs, an image, containers and networks. Its methods are safe for concurrent use.
type lab struct {
	dir      string // for files, removed with the lab
	programs string // the directory of the services' programs
	moved    string // the directory of those whose clock can be moved, if a drill needs them
	lock     *os.File
	subnets  atomic.Int64 // how many were tried
	// short means that the run is a test, which may be made on a busy machine.
	short bool
}

// openLab removes what an earlier run has left and makes what all drills share. The lab has to be closed also after an error.
func openLab(ctx context.Context, o Options, clocks bool) (*lab, error) {
	l := &lab{short: o.Short}
	if err := checkMachine(ctx, o.Progress, clocks); err != nil {
		return l, err
	}
	if err := l.exclude(); err != nil {
		return l, err
	}
	if err := removeAll(ctx); err != nil {
		return l, err
	}
	var err error
	if l.dir, err = os.MkdirTemp("", "redrive-nodes-"); err != nil {
		return l, fmt.Errorf("make a directory for the nodes: %w", err)
	}
	if err := l.importImage(ctx); err != nil {
		return l, err
	}
	if l.programs, err = process.Build(sources()...); err != nil {
		return l, err
	}
	if !clocks {
		return l, nil
	}
	moved, err := movableClock(ctx, l.dir)
	if err != nil {
		return l, err
	}
	l.moved, err = process.Build(moved...)
	return l, err
}

// packages are what the nodes run, with a file of each that shows that it is installed.
var packages = map[string]string{
	"postgresql":   "/usr/lib/postgresql/*/bin/pg_basebackup",
	"redis-server": "/usr/bin/redis-server",
	"haproxy":      "/usr/sbin/haproxy",
	"iptables":     "/usr/sbin/iptables",
}

// checkMachine installs what is missing. Cuts are made in the network namespaces of containers, for which only root has the right.
func checkMachine(ctx context.Context, progress io.Writer, clocks bool) error {
	if os.Geteuid() != 0 {
		return errors.New("links between containers can be cut by root alone: run this as root")
	}
	wanted := packages
	if clocks {
		wanted = maps.Clone(packages)
		wanted["faketime"] = fakeTime
	}
	var missing []string
	for name, file := range wanted {
		if found, err := filepath.Glob(file); err != nil || len(found) == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return testservers.InstallPackages(ctx, progress, missing...)
}

// exclude refuses a second run beside this one.
func (l *lab) exclude() error {
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "redrive-nodes.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of the nodes: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("lock the nodes, of which this machine can have one run: %w", err), file.Close())
	}
	l.lock = file
	return nil
}

// close removes everything that the run made. It goes on after an error.
func (l *lab) close(ctx context.Context) error {
	if l.lock == nil {
		return nil
	}
	failures := []error{removeAll(ctx)}
	for _, dir := range []string{l.dir, l.programs, l.moved} {
		if dir != "" {
			failures = append(failures, os.RemoveAll(dir))
		}
	}
	return errors.Join(append(failures, l.lock.Close())...)
}

// removeAll removes every object with the label.
func removeAll(ctx context.Context) error { return remove(ctx, label, true) }

// remove removes the containers and networks with a label, and, with images, also the images.
func remove(ctx context.Context, mark string, images bool) error {
	mine := "label=" + mark
	kinds := []struct{ list, remove []string }{
		{[]string{"ps", "--quiet", "--filter", mine, "--filter", "status=paused"}, []string{"unpause"}},
		{[]string{"ps", "--all", "--quiet", "--filter", mine}, []string{"rm", "--force", "--volumes"}},
		{[]string{"network", "ls", "--quiet", "--filter", mine}, []string{"network", "rm"}},
	}
	if images {
		kinds = append(kinds, struct{ list, remove []string }{
			[]string{"image", "ls", "--quiet", "--filter", mine}, []string{"image", "rm", "--force"},
		})
	}
	var failures []error
	for _, kind := range kinds {
		listed, err := containers.Docker(ctx, kind.list...)
		if found := strings.Fields(listed); err == nil && len(found) > 0 {
			_, err = containers.Docker(ctx, append(kind.remove, found...)...)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
