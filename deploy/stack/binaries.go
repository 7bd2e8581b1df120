package stack

import (
	"os"
	"sync"

	"redrive/deploy/stack/process"
)

const (
	apiProgram        = "api-service"
	dispatcherProgram = "dispatcher-service"
	embeddedProgram   = "redrive"
)

// programs are the programs of all stacks. They are built with the race detector if the test is.
var programs = []process.Source{
	{Output: apiProgram, Module: "api-service", Package: "./cmd/api-service", Race: process.RaceDetector},
	{Output: dispatcherProgram, Module: "dispatcher-service", Package: "./cmd/dispatcher-service", Race: process.RaceDetector},
	{Output: embeddedProgram, Module: "deploy", Package: "./local/cmd/redrive", Race: process.RaceDetector},
}

var binaries built

// built holds the programs. The first stack of a test process builds them.
type built struct {
	mu  sync.Mutex
	dir string
	err error // kept, so that a failed build is not repeated
}

func (b *built) directory() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == "" && b.err == nil {
		b.dir, b.err = process.Build(programs...)
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
