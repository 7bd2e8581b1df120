package httpapi

import (
	"net/netip"
	"time"

	"redrive/api-service/internal/ratelimit"
	"redrive/pkg/webhook"
)

// Limits bound what one caller may ask of this process. The zero value sets none.
type Limits struct {
	// PerKey is how many requests a second one API key may send, and as many at once. 0 sets no limit.
	PerKey int
	// Strangers is how many requests a second without a valid API key one address may send, and five times as many at once. 0 sets
	// no limit.
	Strangers int
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Clock tells the time. Defaults to time.Now.
	Clock func() time.Time
}

func (l Limits) clock() func() time.Time {
	if l.Clock == nil {
		return time.Now
	}
	return l.Clock
}

const (
	// strangersBurst is how many seconds' worth of requests a stranger may send at once: a browser that loads a page, a client
	// that tries its old key on everything.
	strangersBurst = 5
	// maxKeys and maxAddresses bound the memory: some 300 bytes each.
	maxKeys      = 10_000
	maxAddresses = 50_000
)

// limiter counts the requests.
type limiter struct {
	keys      *ratelimit.Table[string]
	strangers *ratelimit.Table[netip.Prefix]
	passwords *ratelimit.Table[netip.Prefix]
	now       func() time.Time
}

func newLimiter(l Limits) limiter {
	return limiter{
		keys:      ratelimit.New[string](l.PerKey, l.PerKey, maxKeys),
		strangers: ratelimit.New[netip.Prefix](l.Strangers, strangersBurst*l.Strangers, maxAddresses),
		passwords: ratelimit.New[netip.Prefix](l.Strangers, strangersBurst*l.Strangers, maxAddresses),
		now:       l.clock(),
	}
}

// request counts one of a key.
func (l limiter) request(key webhook.APIKey) error {
	return tooMany(l.keys.Take(key.ID, l.now()), "too many requests with this API key; slow down")
}

// stranger counts a request that came without a valid key.
func (l limiter) stranger(address netip.Addr) error {
	return tooMany(l.strangers.Take(neighbourhood(address), l.now()), "too many requests without a valid API key from this address; slow down")
}

// wrongPassword counts a wrong password of the operator. Requests with wrong API keys do not count here.
func (l limiter) wrongPassword(address netip.Addr) error {
	return tooMany(l.passwords.Take(neighbourhood(address), l.now()), "too many wrong passwords from this address; slow down")
}

func tooMany(wait time.Duration, message string) error {
	if wait <= 0 {
		return nil
	}
	return webhook.RateLimited(wait, message)
}
