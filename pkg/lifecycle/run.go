package lifecycle

import (
	"context"
	"errors"
	"time"
)

// Service is something that a process runs until it is told to stop.
type Service interface {
	// Start returns once the service is serving.
	Start(ctx context.Context) error
	// Failed delivers the error that ended the service by itself.
	Failed() <-chan error
	// Stop is safe before Start and any number of times. It gives up at the context's deadline.
	Stop(ctx context.Context) error
}

// Run starts the service and stops it when the context ends or the service fails, giving it the time to stop in order. A
// context that ended is no error: that is how a process is told to stop.
func Run(ctx context.Context, service Service, timeToStop time.Duration) error {
	err := service.Start(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-service.Failed():
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeToStop)
	defer cancel()
	return errors.Join(err, service.Stop(stopping))
}
