package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// controlGroups is where Linux has them.
const controlGroups = "/sys/fs/cgroup"

// quotaPeriod is short, so that a process that has used its share pauses for a few milliseconds and not for a tenth of a second.
const quotaPeriod = 20 * time.Millisecond

// quota limits processes to a share of the processor: a control group of Linux, of version 1 or 2.
type quota struct{ dir string }

// newQuota makes a group below root whose processes get so many cores together. It needs root's rights, and a container with control groups
// that can be written.
func newQuota(root, name string, cores float64) (*quota, error) {
	period := quotaPeriod.Microseconds()
	share := int64(float64(period) * cores)
	dir, files := filepath.Join(root, "cpu", name), map[string]string{
		"cpu.cfs_period_us": strconv.FormatInt(period, 10), "cpu.cfs_quota_us": strconv.FormatInt(share, 10),
	}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+cpu"), 0o600); err != nil {
			return nil, fmt.Errorf("let control groups limit the processor: %w", err)
		}
		dir, files = filepath.Join(root, name), map[string]string{"cpu.max": fmt.Sprintf("%d %d", share, period)}
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make a control group: %w", err)
	}
	q := &quota{dir: dir}
	for file, value := range files {
		if err := q.write(file, value); err != nil {
			return nil, errors.Join(err, q.close())
		}
	}
	return q, nil
}

// add puts a process into the group.
func (q *quota) add(pid int) error { return q.write("cgroup.procs", strconv.Itoa(pid)) }

func (q *quota) write(file, value string) error {
	if err := os.WriteFile(filepath.Join(q.dir, file), []byte(value), 0o600); err != nil {
		return fmt.Errorf("limit the processor: %w", err)
	}
	return nil
}

// close removes the group. Its processes must have ended.
func (q *quota) close() error {
	if err := os.Remove(q.dir); err != nil {
		return fmt.Errorf("remove a control group: %w", err)
	}
	return nil
}
