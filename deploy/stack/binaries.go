package stack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// programs says which module each program is built from, and where it is in there.
var programs = map[string]struct{ module, source string }{
	apiProgram:        {"api-service", "./cmd/api-service"},
	dispatcherProgram: {"dispatcher-service", "./cmd/dispatcher-service"},
	embeddedProgram:   {"deploy", "./local/cmd/redrive"},
}

const (
	apiProgram        = "api-service"
	dispatcherProgram = "dispatcher-service"
	embeddedProgram   = "redrive"
)

var binaries built

// built holds the programs, which are built when the first stack of a test process asks for them, and once.
type built struct {
	mu  sync.Mutex
	dir string
	err error // kept, so that it is not built again and again for the same failure
}

func (b *built) directory() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == "" && b.err == nil {
		b.dir, b.err = build()
	}
	return b.dir, b.err
}

func (b *built) remove() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	dir := b.dir
	b.dir, b.err = "", nil
	return os.RemoveAll(dir)
}

// build builds all programs at once: the linker is what takes the time.
func build() (dir string, err error) {
	workspace, err := workspace()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "redrive-stack-"); err != nil {
		return "", err
	}
	var group sync.WaitGroup
	failures := make(chan error, len(programs))
	for name, program := range programs {
		group.Go(func() {
			failures <- goBuild(filepath.Join(workspace, program.module), program.source, filepath.Join(dir, name))
		})
	}
	group.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return dir, err
}

func goBuild(module, source, output string) error {
	args := []string{"build", "-buildvcs=false", "-o", output}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, source)...)
	cmd.Dir = module
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s in %s: %w\n%s", source, filepath.Base(module), err, said)
	}
	return nil
}

// workspace is the directory of the four modules: the parent of the one that the running test is in.
func workspace() (string, error) {
	file, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	return filepath.Dir(filepath.Dir(string(bytes.TrimSpace(file)))), nil
}
