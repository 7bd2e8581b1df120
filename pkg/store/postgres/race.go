package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/stdlib"
)

// race is one attempt to connect to several servers. One goroutine uses it, beside one for each server.
type race struct {
	of      *switching
	ctx     context.Context //nolint:containedctx // it ends with the race
	stop    context.CancelFunc
	results chan result
	pending int

	// by host
	tried    []bool  // it is not to be tried, as far as is known
	underway []bool  // its attempt has no result yet
	repeat   []bool  // an attempt that fails is repeated
	failures []error // of the last attempt, unless that was canceled

	best *result

	mutex sync.Mutex
	ended bool
}

// result is a connection to a host, or the reason why there is none.
type result struct {
	host       int
	connection driver.Conn
	timeline   timeline
	err        error
}

func (s *switching) begin(ctx context.Context) *race {
	hosts := len(s.hosts)
	r := &race{
		of: s, results: make(chan result, hosts), tried: make([]bool, hosts), underway: make([]bool, hosts), repeat: make([]bool, hosts),
		failures: make([]error, hosts),
	}
	racing, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.closing, cancel)
	r.ctx, r.stop = racing, func() {
		detach()
		cancel()
	}
	return r
}

// try begins to connect to a host, unless it was tried already.
func (r *race) try(host int) {
	if r.tried[host] {
		return
	}
	r.tried[host], r.underway[host] = true, true
	r.pending++
	if !r.of.spawn(func() { r.finish(r.connect(host)) }) {
		r.finish(result{host: host, err: sql.ErrConnDone})
	}
}

func (r *race) tryAll() {
	for host := range r.tried {
		r.try(host)
	}
}

// tryAgain begins to connect to all hosts that have failed. Those with an attempt under way follow if that fails.
func (r *race) tryAgain() {
	for host := range r.tried {
		switch {
		case r.underway[host]:
			r.repeat[host] = true
		case r.failures[host] != nil:
			r.tried[host] = false
		}
	}
	r.tryAll()
}

func (r *race) connect(host int) result {
	connection, err := r.of.connects[host].Connect(r.ctx)
	if err != nil {
		return result{host: host, err: fmt.Errorf("%s: %w", r.of.hosts[host].address, err)}
	}
	return result{host: host, connection: connection, timeline: timelineOf(connection)}
}

// finish passes a result on, or closes its connection if the race has ended.
func (r *race) finish(got result) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		got.close()
		return
	}
	r.results <- got
}

// take keeps a connection if it is the first one or has a newer timeline than the one before.
func (r *race) take(got result) {
	r.pending--
	r.underway[got.host] = false
	switch {
	case got.err != nil:
		r.fail(got)
	case r.best == nil:
		r.best = &got
	case r.best.timeline.before(got.timeline):
		r.best.close()
		r.best = &got
	default:
		got.close()
	}
}

// fail records why an attempt failed. That the caller's deadline has passed says less than the attempt before.
func (r *race) fail(got result) {
	if r.failures[got.host] == nil || r.ctx.Err() == nil {
		r.failures[got.host] = got.err
	}
	if r.repeat[got.host] {
		r.tried[got.host], r.repeat[got.host] = false, false
	}
}

// end cancels the attempts that have no result yet and closes the connections that were not used.
func (r *race) end() {
	r.stop()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.ended = true
	if r.best != nil {
		r.best.close()
	}
	for {
		select {
		case late := <-r.results:
			late.close()
		default:
			return
		}
	}
}

func (r result) close() {
	if r.connection != nil {
		_ = r.connection.Close()
	}
}

// timelineOf returns the timeline that verify has recorded.
func timelineOf(connection driver.Conn) timeline {
	opened, ok := connection.(*stdlib.Conn)
	if !ok {
		return timeline{}
	}
	recorded, _ := opened.Conn().PgConn().CustomData()[reachedTimeline].(timeline)
	return recorded
}
