package sender

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"redrive/pkg/shortage"
)

// dialing records the shortages of all connections of one attempt. A host with several addresses is dialled at each of them, and the
// dialer returns only the first error.
type dialing struct {
	met     atomic.Pointer[shortage.Shortage]
	lookups *lookups // nil for a host that is an address
	began   time.Time
}

// newDialing returns the dialing of an attempt that starts now.
func newDialing(host string, l *lookups) *dialing {
	d := &dialing{began: time.Now()}
	if _, err := netip.ParseAddr(host); err != nil {
		d.lookups = l
	}
	return d
}

// done is a httptrace.ClientTrace.ConnectDone.
func (d *dialing) done(_, _ string, err error) {
	if err == nil {
		return
	}
	if s := shortage.Of(err); s != nil {
		d.met.Store(s)
	}
}

// explain returns the error of an attempt, as a *shortage.Shortage if there was one. Without a connection, a shortage at one address is
// enough, because that address could have responded.
func (d *dialing) explain(err error, connected bool) error {
	if s := shortage.Of(err); s != nil {
		return s
	}
	if connected {
		return err
	}
	if s := d.met.Load(); s != nil {
		return fmt.Errorf("%w (%w)", s, err)
	}
	if d.lookups == nil {
		return err
	}
	if s := d.lookups.shortageSince(d.began.Add(-lookupLimit)); s != nil {
		return fmt.Errorf("%w (%w)", s, err)
	}
	return err
}

// lookupLimit is the longest duration of a lookup, which may be shared with an earlier attempt: two servers, two tries, 5 s each.
const lookupLimit = 20 * time.Second

// lookups records the shortages of the resolver. The resolver queries IPv4 and IPv6 addresses separately and returns no error if only one
// query fails: the host then seems to have addresses of the other kind alone.
type lookups struct{ last atomic.Pointer[failedQuery] }

// failedQuery is a query that could not be sent.
type failedQuery struct {
	at    time.Time
	cause *shortage.Shortage
}

// resolver returns the system's resolver.
func (l *lookups) resolver() *net.Resolver {
	return &net.Resolver{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if s := shortage.Of(err); s != nil {
			l.last.Store(&failedQuery{at: time.Now(), cause: s})
		}
		return conn, err
	}}
}

// warm makes the system's resolver read its files. If it read them first without a free descriptor, it would find no name server.
func (l *lookups) warm() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = l.resolver().LookupNetIP(ctx, "ip", "localhost")
}

func (l *lookups) shortageSince(at time.Time) *shortage.Shortage {
	if last := l.last.Load(); last != nil && !last.at.Before(at) {
		return last.cause
	}
	return nil
}
