package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
	"redrive/pkg/lifecycle"
)

// The details of the API's memory.
const (
	detailEightPages = "eight pages of 100 MB"
	detailOther      = "another organization's p99"
)

const (
	mostMemory  = 256 // MiB
	pageItems   = 100
	slowReaders = 20
	slowSize    = 250_000 // bytes of data of each item
	// slowChunk and slowPause define a slow reader of 1.6 MB/s.
	slowChunk = 32 << 10
	slowPause = 20 * time.Millisecond
	pages     = 8
	listCalls = 500
)

// roundBytesAPI measures the API's peak of memory in two cases. In the first, clients read large pages slowly while another organization
// lists its own. In the second, several clients read larger pages at the same time.
func roundBytesAPI(ctx context.Context, s *session) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	v, ok := running.(*services)
	if !ok {
		return nil
	}
	if err := measureSlowReaders(ctx, s, v); err != nil {
		return err
	}
	peak, err := s.pageMemory(ctx, v, largeEvent, func(ctx context.Context, large *customer) error {
		s.progress.say("%s: %s", rowBytesAPI, detailEightPages)
		group, ctx := errgroup.WithContext(ctx)
		for range pages {
			group.Go(func() error { return large.readPage(ctx, io.Discard) })
		}
		return group.Wait()
	})
	if err != nil {
		return err
	}
	s.samples.Add(report.Detail(rowBytesAPI, detailEightPages), peak)
	return v.clear(ctx)
}

func measureSlowReaders(ctx context.Context, s *session, v *services) error {
	peak, err := s.pageMemory(ctx, v, slowSize, func(ctx context.Context, large *customer) error {
		other, err := s.customer(ctx)
		if err != nil {
			return err
		}
		defer other.close()
		if err := other.publishTo(ctx, s, 1, 100); err != nil {
			return err
		}
		s.progress.say("%s: listing alone", rowBytesAPI)
		alone, err := other.list(ctx)
		if err != nil {
			return err
		}
		s.progress.say("%s: listing beside %d slow readers", rowBytesAPI, slowReaders)
		slow, stop := context.WithCancel(ctx)
		defer stop()
		readers := new(errgroup.Group)
		for range slowReaders {
			readers.Go(func() error { return ignoreStop(slow, large.readPage(slow, slowWriter{slow})) })
		}
		beside, err := other.list(ctx)
		stop()
		if err := errors.Join(err, readers.Wait()); err != nil {
			return err
		}
		s.samples.Add(report.Detail(rowBytesAPI, detailAlone), alone.percentile(0.99))
		s.samples.Add(report.Detail(rowBytesAPI, detailOther), beside.percentile(0.99))
		return nil
	})
	if err != nil {
		return err
	}
	s.samples.Add(rowBytesAPI, peak)
	return nil
}

// ignoreStop returns nil for the error of a reader that was stopped.
func ignoreStop(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// pageMemory makes a customer with a page of items of the size, and returns the peak of a new API's memory during a load, in MiB.
func (s *session) pageMemory(ctx context.Context, v *services, size int, load func(context.Context, *customer) error) (float64, error) {
	if err := v.clear(ctx); err != nil {
		return 0, err
	}
	large, err := s.customer(ctx)
	if err != nil {
		return 0, err
	}
	defer large.close()
	if err := large.publishTo(ctx, s, pageItems, size); err != nil {
		return 0, err
	}
	if err := errors.Join(v.api.Stop(), v.api.Start(nil)); err != nil {
		return 0, err
	}
	large.base = newClient(v.url(), "", 1).base
	if err := load(ctx, large); err != nil {
		return 0, err
	}
	used, err := watched{pid: v.api.PID()}.usage()
	return mebibytes(used), err
}

// publishTo publishes events to an endpoint that answers 200, and waits until they are delivered.
func (c *customer) publishTo(ctx context.Context, s *session, count, size int) error {
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	if _, err := c.createEndpoint(ctx, r.url(pathOK), eventType, 0); err != nil {
		return err
	}
	r.expect(count)
	body := largeBody(eventType, size)
	for range count {
		if _, err := c.publish(ctx, body); err != nil {
			return err
		}
	}
	return errors.Join(r.await(ctx, arrivalPatience), settled(ctx, s.running.store()))
}

// list reads the list of deliveries with one item, many times.
func (c *customer) list(ctx context.Context) (tally, error) {
	var answer bytes.Buffer
	return closedLoop(ctx, 1, listCalls, func(ctx context.Context, _, _ int) error {
		return c.send(ctx, http.MethodGet, "/deliveries?limit=1", nil, &answer)
	})
}

// readPage copies the largest page to a writer.
func (c *customer) readPage(ctx context.Context, to io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/deliveries?limit=%d", c.base, pageItems), nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read a page: %s", response.Status)
	}
	if _, err := io.Copy(to, response.Body); err != nil {
		return fmt.Errorf("read a page: %w", err)
	}
	return nil
}

// slowWriter pauses after every chunk.
type slowWriter struct{ ctx context.Context } //nolint:containedctx // io.Writer has no parameter for it

func (w slowWriter) Write(chunk []byte) (int, error) {
	if err := lifecycle.Sleep(w.ctx, slowPause*time.Duration(1+len(chunk)/slowChunk)); err != nil {
		return 0, err
	}
	return len(chunk), nil
}
