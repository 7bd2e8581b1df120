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

// removeSharedMemory removes the System V shared memory segment by which PostgreSQL detects a second server on the same data. A killed
// server leaves it behind for the next one. Without a next server it would stay for ever, and macOS allows only 32 segments.
func removeSharedMemory(data string) error {
	id, err := sharedMemoryID(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the segment does not exist
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

// sharedMemoryID returns the segment's ID from the seventh line of PostgreSQL's lock file. It returns -1 if the server has not written that
// line.
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
