package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// untrustedEvery is the shortest time between two log lines about an ignored X-Forwarded-For. Every client can send the header.
const untrustedEvery = 10 * time.Minute

// untrusted logs a warning if X-Forwarded-For comes from an address that is not a trusted proxy. If the address is a proxy, all clients
// behind it count as one address.
type untrusted struct {
	proxies []netip.Prefix
	log     *slog.Logger
	now     func() time.Time

	mutex sync.Mutex
	last  time.Time
}

// notice checks one request.
func (u *untrusted) notice(r *http.Request) {
	if len(r.Header.Values(echo.HeaderXForwardedFor)) == 0 {
		return
	}
	sender := parseAddress(r.RemoteAddr)
	if contains(u.proxies, sender) || !u.due() {
		return
	}
	u.log.LogAttrs(r.Context(), slog.LevelWarn, "x-forwarded-for of an untrusted address ignored", slog.String("remote", sender.String()),
		slog.String("hint", "if this is your proxy, add it to TRUSTED_PROXIES; until then all clients behind it share one limit for requests without a valid key"))
}

// due reports whether the last line is at least untrustedEvery ago, and then counts a line.
func (u *untrusted) due() bool {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	now := u.now()
	if !u.last.IsZero() && now.Sub(u.last) < untrustedEvery {
		return false
	}
	u.last = now
	return true
}
