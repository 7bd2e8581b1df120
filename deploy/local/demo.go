package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// Demo runs the demonstration in a temporary folder: it publishes an event, lets the delivery end in failure, heals the receiver and
// retries the delivery until it succeeds.
func Demo(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "redrive-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	l, err := New(ctx, Options{Dir: folder, RetrySchedule: []time.Duration{time.Second}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Stop(context.WithoutCancel(ctx))) }()
	if err := l.Start(ctx); err != nil {
		return err
	}
	s := &story{client: newClient(l.Addresses(), l.key), receiver: l.Addresses().Receiver, out: out, began: time.Now()}
	return s.tell(ctx)
}

// story prints a line for every step, with the seconds since the start.
type story struct {
	client   client
	receiver string
	out      io.Writer
	began    time.Time
	told     int       // attempts
	latest   time.Time // of the lines so far
}

// line prints an event with its time. The time of a call is its start, because the first attempt can begin before the call returns. Times
// never decrease.
func (s *story) line(at time.Time, format string, args ...any) {
	if at.Before(s.latest) {
		at = s.latest // recorded times are cut to microseconds
	}
	s.latest = at
	_, _ = fmt.Fprintf(s.out, "%6.2f s  %s\n", at.Sub(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *story) tell(ctx context.Context) error {
	registered, err := s.client.createEndpoint(ctx, "demo", s.receiver+"/flaky", 2)
	if err != nil {
		return err
	}
	s.line(time.Now(), "endpoint registered: its receiver answers 500; 2 retries, one second apart")
	at := time.Now()
	id, err := s.client.publish(ctx, "run.finished", map[string]any{"status": "succeeded"}, registered.ID)
	if err != nil {
		return err
	}
	s.line(at, "event published       → delivery %s", id)
	if err := s.follow(ctx, id, "failure"); err != nil {
		return err
	}

	if err := s.heal(ctx); err != nil {
		return err
	}
	s.line(time.Now(), "the receiver is healed")
	at = time.Now()
	requeued, err := s.client.retry(ctx, id)
	if err != nil {
		return err
	}
	s.line(at, "POST …/retry          → the same delivery is %s, retryCount %d", requeued.Status, requeued.RetryCount)
	return s.follow(ctx, id, "success")
}

// follow prints every attempt until the delivery has the status.
func (s *story) follow(ctx context.Context, id, status string) error {
	return s.client.await(ctx, id, func(d delivery) bool {
		attempts, err := s.client.attempts(ctx, id)
		if err != nil {
			return false // asked again; the deadline reports the error
		}
		for i := len(attempts) - 1 - s.told; i >= 0; i-- { // the newest is first
			a := attempts[i]
			next := ""
			if !a.NextRetryAt.IsZero() {
				next = fmt.Sprintf(", retrying at %.2f s", a.NextRetryAt.Sub(s.began).Seconds())
			}
			s.line(a.StartedAt, "attempt %d             → %d%s", a.Number, a.ResponseStatus, next)
			s.told++
		}
		if d.Status == status {
			s.line(time.Now(), "the delivery is %s", d.Status)
		}
		return d.Status == status
	})
}

func (s *story) heal(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.receiver+"/heal", nil)
	if err != nil {
		return fmt.Errorf("heal the receiver: %w", err)
	}
	response, err := s.client.http.Do(request)
	if err != nil {
		return fmt.Errorf("heal the receiver: %w", err)
	}
	return response.Body.Close()
}
