package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Source is a program to build.
type Source struct {
	// Output is the name of the binary.
	Output string
	// Module is the directory of its module, and Package its package in the module.
	Module, Package string
	// Version is stamped into the program. Empty means no version.
	Version string
	// Overlay is a file that replaces source files, as `go build -overlay` reads it. Optional.
	Overlay string
	// Race builds the program with the race detector.
	Race bool
}

// Build builds all programs concurrently, because linking takes most of the time, and returns their directory. In a test run with
// testservers.ProgramsVariable, a program that another process of the run has built is not built again.
func Build(sources ...Source) (dir string, err error) {
	workspace, err := Workspace()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "redrive-programs-"); err != nil {
		return "", err
	}
	var group sync.WaitGroup
	failures := make([]error, len(sources))
	for i, source := range sources {
		group.Go(func() { failures[i] = source.provide(workspace, dir) })
	}
	group.Wait()
	if err = errors.Join(failures...); err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return dir, err
}

// build builds a static binary, as it is deployed, or a binary with the race detector.
func (s Source) build(workspace, dir string) error {
	args := []string{"build", "-buildvcs=false", "-o", filepath.Join(dir, s.Output)}
	flags := "-s -w"
	if s.Version != "" {
		flags += " -X main.version=" + s.Version
	}
	if s.Overlay != "" {
		args = append(args, "-overlay", s.Overlay)
	}
	environ := os.Environ()
	if s.Race {
		args = append(args, "-race", "-ldflags", flags)
	} else {
		args = append(args, "-trimpath", "-ldflags", flags)
		environ = append(environ, "CGO_ENABLED=0")
	}
	cmd := exec.Command("go", append(args, s.Package)...)
	cmd.Dir = filepath.Join(workspace, s.Module)
	cmd.Env = environ
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s in %s: %w\n%s", s.Package, s.Module, err, said)
	}
	return nil
}

// Workspace returns the directory of the modules: the parent of the working directory's module, or the directory of go.work.
func Workspace() (string, error) {
	said, err := exec.Command("go", "env", "GOMOD", "GOWORK").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	module, workspace, _ := bytes.Cut(bytes.TrimSpace(said), []byte("\n"))
	switch {
	case len(module) > 0 && string(module) != os.DevNull:
		return filepath.Dir(filepath.Dir(string(module))), nil
	case len(workspace) > 0 && string(workspace) != "off":
		return filepath.Dir(string(workspace)), nil
	}
	return "", errors.New("the working directory is in no Go module: run this where the source is")
}
