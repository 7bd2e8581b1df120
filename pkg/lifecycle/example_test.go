package lifecycle_test

import (
	"context"
	"errors"
	"fmt"

	"redrive/pkg/lifecycle"
)

// Parts are stopped in the reverse order of their start. A part that fails does not keep the others from being stopped, and the next
// Unwind stops only that part.
func ExampleStack() {
	var started lifecycle.Stack
	busy := true
	started.Push("the database", func(context.Context) error {
		fmt.Println("stop the database")
		return nil
	})
	started.Push("the workers", func(context.Context) error {
		fmt.Println("stop the workers")
		if busy {
			return errors.New("an attempt is in progress")
		}
		return nil
	})

	fmt.Println(started.Unwind(context.Background()))
	busy = false
	fmt.Println(started.Unwind(context.Background()))
	// Output:
	// stop the workers
	// stop the database
	// stop the workers: an attempt is in progress
	// stop the workers
	// <nil>
}

// Run serves until the context ends, and then stops the service within the given time.
func ExampleRun() {
	ctx, interrupt := context.WithCancel(context.Background())
	fmt.Println(lifecycle.Run(ctx, &printer{interrupt}, 0))
	// Output:
	// started
	// stopped
	// <nil>
}

// printer is a Service that is interrupted as soon as it has started.
type printer struct{ interrupt func() }

func (p *printer) Start(context.Context) error {
	fmt.Println("started")
	p.interrupt()
	return nil
}

func (p *printer) Failed() <-chan error { return nil }

func (p *printer) Stop(context.Context) error {
	fmt.Println("stopped")
	return nil
}
