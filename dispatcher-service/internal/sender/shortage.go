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

// dialing notes the shortages that any connection of one attempt met. A host with several addresses is dialled at each, and the
// error of the whole is that of the first.
type dialing struct {
	met     atomic.Pointer[shortage.Shortage]
	lookups *lookups // nil for a host that is an address
	began   time.Time
}

// newDialing returns the dialing of an attempt that begins now.
func newDialing(host string, l *lookups) *dialing {
	d := &dialing{began: time.Now()}
	if _, err := netip.ParseAddr(host); err != nil {
		d.lookups = l
	}
	return d
}

// done is for httptrace.ClientTrace.ConnectDone.
func (d *dialing) done(_, _ string, err error) {
	if err == nil {
		return
	}
	if s := shortage.Of(err); s != nil {
		d.met.Store(s)
	}
}

// explain returns the error of an attempt, as a *shortage.Shortage if there was one. Without a connection, one address that could
// not be looked up or dialled for a shortage is enough: it could have answered.
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

// lookupLimit is longer than a lookup takes that began for an earlier attempt and is shared with this one: two servers, two tries,
// 5 s each.
const lookupLimit = 20 * time.Second

// lookups notes the shortages of the resolver. It asks for IPv4 and IPv6 addresses apart and has no error if one question could not
// be asked: the host then seems to have addresses of the other kind alone.
type lookups struct{ last atomic.Pointer[unasked] }

// unasked is a question that could not be asked.
type unasked struct {
	at    time.Time
	cause *shortage.Shortage
}

// resolver returns the system's resolver.
func (l *lookups) resolver() *net.Resolver {
	return &net.Resolver{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if s := shortage.Of(err); s != nil {
			l.last.Store(&unasked{at: time.Now(), cause: s})
		}
		return conn, err
	}}
}

// warm has the system's resolver read its files. Its first reading without a descriptor to spare would find no name server.
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
