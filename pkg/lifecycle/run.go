package lifecycle

import (
	"context"
	"errors"
	"time"
)

// Service is what a process runs.
type Service interface {
	// Start returns when the service is serving.
	Start(ctx context.Context) error
	// Failed returns a channel that receives the error if the service fails after Start.
	Failed() <-chan error
	// Stop is safe before Start and any number of times. It returns an error if ctx ends before the service has stopped.
	Stop(ctx context.Context) error
}

// Run starts the service, waits until ctx ends or the service fails, and stops the service within timeToStop. It returns the errors of
// starting, serving and stopping. The end of ctx is a normal stop and not an error.
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
