package httpapi

import (
	"net/netip"
	"time"

	"redrive/api-service/internal/ratelimit"
	"redrive/pkg/webhook"
)

// Limits bound what one caller may ask of this process. The zero value sets none.
type Limits struct {
	// PerKey is the number of requests per second for one API key, and the size of a burst. 0 sets no limit.
	PerKey int
	// Unauthenticated is the number of requests per second without a valid API key for one address. A burst may be five times as
	// large. 0 sets no limit.
	Unauthenticated int
	// TrustedProxies are the proxies whose X-Forwarded-For is trusted.
	TrustedProxies []netip.Prefix
	// Clock returns the time. Defaults to time.Now.
	Clock func() time.Time
}

func (l Limits) clock() func() time.Time {
	if l.Clock == nil {
		return time.Now
	}
	return l.Clock
}

const (
	// unauthenticatedBurst is a burst of unauthenticated requests, in seconds of the rate. A browser that loads a page sends one, and so
	// does a client with an old key.
	unauthenticatedBurst = 5
	// guessesPerSecond and guessesBurst bound what a person may enter wrongly at the console: passwords, keys and links. A person mistypes a few
	// times, and an address may be that of a whole company.
	guessesPerSecond, guessesBurst = 1, 30
	// maxKeys and maxAddresses bound the memory. An entry takes about 300 bytes.
	maxKeys      = 10_000
	maxAddresses = 50_000
)

// keyLimit is what the limit of a key counts for. A platform key has it once for each organization.
type keyLimit struct{ keyID, organizationID string }

// limiter applies the limits. Its methods count a request and return an error with the code rate_limited beyond the limit.
type limiter struct {
	keys            *ratelimit.Table[keyLimit]
	organizations   *ratelimit.Table[string]
	unauthenticated *ratelimit.Table[netip.Prefix]
	passwords       *ratelimit.Table[netip.Prefix]
	credentials     *ratelimit.Table[netip.Prefix]
	now             func() time.Time
}

func newLimiter(l Limits) limiter {
	burst := unauthenticatedBurst * l.Unauthenticated
	guesses := min(guessesPerSecond, l.Unauthenticated) // 0 sets no limit
	return limiter{
		keys:            ratelimit.New[keyLimit](l.PerKey, l.PerKey, maxKeys),
		organizations:   ratelimit.NewOwn[string](maxKeys),
		unauthenticated: ratelimit.New[netip.Prefix](l.Unauthenticated, burst, maxAddresses),
		passwords:       ratelimit.New[netip.Prefix](l.Unauthenticated, burst, maxAddresses),
		credentials:     ratelimit.New[netip.Prefix](guesses, guessesBurst, maxAddresses),
		now:             l.clock(),
	}
}

// authenticatedRequest counts a request with a valid key, against the limit of the key and the limit of the organization.
func (l limiter) authenticatedRequest(identity webhook.Identity) error {
	now := l.now()
	counted := keyLimit{keyID: identity.Key.ID}
	if identity.Key.Platform() {
		counted.organizationID = identity.Key.OrganizationID
	}
	if err := tooMany(l.keys.Take(counted, now), "too many requests with this API key; slow down"); err != nil {
		return err
	}
	o := identity.Organization
	return tooMany(l.organizations.TakeOf(o.ID, o.Limits.RequestsPerSecond, now), "too many requests of this organization; slow down")
}

// unauthenticatedRequest counts a request without a valid key.
func (l limiter) unauthenticatedRequest(address netip.Addr) error {
	return tooMany(l.unauthenticated.Take(limitPrefix(address), l.now()), "too many requests without a valid API key from this address; slow down")
}

// wrongPassword counts a wrong operator password. Requests with wrong API keys do not count here.
func (l limiter) wrongPassword(address netip.Addr) error {
	return tooMany(l.passwords.Take(limitPrefix(address), l.now()), "too many wrong passwords from this address; slow down")
}

// wrongCredentials counts a wrong password, key or link at the console.
func (l limiter) wrongCredentials(address netip.Addr) error {
	return tooMany(l.credentials.Take(limitPrefix(address), l.now()), "too many wrong keys, passwords or links from this address; slow down")
}

func tooMany(wait time.Duration, message string) error {
	if wait <= 0 {
		return nil
	}
	return webhook.RateLimited(wait, message)
}
