package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/lifecycle"
)

const (
	hangingEndpoints = 200
	hangingEvents    = 4
	largeEvent       = 1_000_000 // bytes of data
	// hangingEnough is the least number of attempts that hang while memory is measured: nearly all workers are then in use.
	hangingEnough = 150
	hangingFor    = 5 * time.Second
)

// largeBody returns one event with the given number of bytes of data.
func largeBody(eventType string, size int) []byte {
	return fmt.Appendf(nil, `{"eventType":%q,"data":{"x":%q}}`, eventType, strings.Repeat("x", size))
}

// roundBytesDispatcher publishes large events to many endpoints that hang, and measures the dispatcher's peak of memory.
func roundBytesDispatcher(ctx context.Context, s *session) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	v, ok := running.(*services)
	if !ok {
		return nil
	}
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	if err := v.clear(ctx); err != nil { // A new dispatcher, so that its peak of memory belongs to this measurement.
		return err
	}
	c, err := s.customerTo(ctx, r.url(pathHang), hangingEndpoints)
	if err != nil {
		return err
	}
	defer c.close()
	s.progress.say("%s: %d events of 1 MB to %d endpoints that hang", rowBytesDispatcher, hangingEvents, hangingEndpoints)
	var answer bytes.Buffer
	for range hangingEvents {
		if err := c.send(ctx, http.MethodPost, pathEvents, largeBody(eventType, largeEvent), &answer); err != nil {
			return err
		}
	}
	if err := awaitHanging(ctx, r, hangingEnough); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, hangingFor); err != nil {
		return err
	}
	used, err := watched{pid: v.dispatcher.PID()}.usage()
	if err != nil {
		return err
	}
	s.samples.Add(rowBytesDispatcher, mebibytes(used))
	return v.clear(ctx)
}

func awaitHanging(ctx context.Context, r *receiver, count int64) error {
	const patience, look = 30 * time.Second, 10 * time.Millisecond
	for began := time.Now(); r.hanging.Load() < count; {
		if time.Since(began) > patience {
			return errors.New("too few attempts hang")
		}
		if err := lifecycle.Sleep(ctx, look); err != nil {
			return err
		}
	}
	return nil
}

func mebibytes(u usage) float64 { return u.memory / (1 << 20) }

// bytesDetails are the definitions of the details of rowBytesAPI.
func bytesDetails() []report.Definition {
	return []report.Definition{
		{Name: detailEightPages, Unit: "MiB", Goals: []report.Goal{report.AtMost(mostMemory)}},
		{Name: detailAlone, Unit: "ms", Baseline: true},
		{Name: detailOther, Unit: "ms", Ratios: []report.Ratio{{
			To: report.Detail(rowBytesAPI, detailAlone), Label: detailAlone, Goals: []report.Goal{report.AtMost(3)},
		}}},
	}
}
