package testservers

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// removeSharedMemory removes the few bytes of System V shared memory by which PostgreSQL notices a second server on the same data.
// One that was killed leaves them behind for its successor; without a successor they would stay for ever, and macOS has room for
// 32 such segments only.
func removeSharedMemory(data string) error {
	id, err := sharedMemoryID(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // It has ended by itself.
		}
		return fmt.Errorf("looking up the shared memory of PostgreSQL: %w", err)
	}
	if id < 0 {
		return nil
	}
	_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
		return fmt.Errorf("removing the shared memory of PostgreSQL: %w", err)
	}
	return nil
}

// sharedMemoryID reads the segment's ID from PostgreSQL's lock file, whose seventh line is its key and its ID; -1 if the server did
// not get as far as writing that line.
func sharedMemoryID(lockFile string) (int, error) {
	file, err := os.Open(lockFile)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for range 7 {
		if !lines.Scan() {
			return -1, lines.Err()
		}
	}
	fields := strings.Fields(lines.Text())
	if len(fields) < 2 {
		return -1, nil
	}
	return strconv.Atoi(fields[1])
}
