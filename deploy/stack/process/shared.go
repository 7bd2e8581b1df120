package process

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"redrive/pkg/testservers"
)

// provide puts the program into dir. If the test run has a folder for programs, the first process of the run that needs the program builds
// it there, and the others link to it.
func (s Source) provide(workspace, dir string) error {
	shared := os.Getenv(testservers.ProgramsVariable)
	if shared == "" {
		return s.build(workspace, dir)
	}
	folder := filepath.Join(shared, s.key(workspace))
	if err := s.buildOnce(workspace, folder); err != nil {
		return err
	}
	if os.Link(filepath.Join(folder, s.Output), filepath.Join(dir, s.Output)) != nil { // dir is on another file system
		return s.build(workspace, dir)
	}
	return nil
}

// key is the same for programs that are built in the same way from the same source.
func (s Source) key(workspace string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %+v", workspace, s))
	return hex.EncodeToString(sum[:8])
}

// buildOnce builds the program unless it is in the folder. Only one process builds at a time.
func (s Source) buildOnce(workspace, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of a program: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of a program: %w", err)
	}
	defer func() { _ = lock.Close() }() // this releases the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the folder of a program: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder, s.Output)); err == nil {
		return nil
	}
	return s.build(workspace, folder)
}
