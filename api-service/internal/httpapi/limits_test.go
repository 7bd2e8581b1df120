package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// clock is a time that tests advance.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)} }

func (c *clock) time() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}

// limits sets limits with a clock.
func limits(l Limits, c *clock) func(*Dependencies) {
	l.Clock = c.time
	return func(d *Dependencies) { d.Limits = l }
}

// frozen sets limits with a clock that stands still.
func frozen(l Limits) func(*Dependencies) { return limits(l, newClock()) }

func limited(t *testing.T, a answer, seconds string) {
	t.Helper()
	refused(t, a, 429, "rate_limited")
	assert.Equal(t, seconds, a.header.Get("Retry-After"))
}

func TestLimitPerKey(t *testing.T) {
	c := newClock()
	s := newService(t, limits(Limits{PerKey: 3}, c)).withKeys(t)
	for range 3 {
		granted(t, s.call(t, "GET", base, s.reader, ""))
	}
	limited(t, s.call(t, "GET", base, s.reader, ""), "1")
	limited(t, s.call(t, "POST", "/no/such/route", s.reader, "{"), "1")
	granted(t, s.call(t, "GET", base, s.writer, ""))
	refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")

	c.advance(time.Second / 3)
	granted(t, s.call(t, "GET", base, s.reader, ""))
	limited(t, s.call(t, "GET", base, s.reader, ""), "1")
	c.advance(time.Minute)
	for range 3 {
		granted(t, s.call(t, "GET", base, s.reader, ""))
	}
	limited(t, s.call(t, "GET", base, s.reader, ""), "1")
}

// Of many concurrent requests, exactly the limit is answered.
func TestLimitConcurrentIsExact(t *testing.T) {
	s := newService(t, frozen(Limits{PerKey: 20})).withKeys(t)
	statuses := make([]int, 60)
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+base, nil)
			if !assert.NoError(t, err) {
				return
			}
			request.Header.Set("Authorization", "Bearer "+s.reader)
			response, err := s.client.Do(request)
			if assert.NoError(t, err) {
				_ = response.Body.Close()
				statuses[i] = response.StatusCode
			}
		})
	}
	group.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	assert.Equal(t, map[int]int{200: 20, 429: 40}, count)
}

// wrongKeys returns Authorization headers without a valid key.
func wrongKeys(good string) []string {
	_, guess := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
	return []string{"", "x", guess.Reveal(), good + "x"}
}

// Requests without a valid key are limited by address. A valid key is not limited by address, even on its first use.
func TestLimitInvalidKeysByAddressValidKeysNot(t *testing.T) {
	c := newClock()
	s := newService(t, limits(Limits{Unauthenticated: 2}, c)).withKeys(t)
	wrong := wrongKeys(s.reader)
	for i := range 10 {
		refused(t, s.call(t, "GET", base, wrong[i%len(wrong)], ""), 401, "unauthenticated")
	}
	for _, key := range wrong {
		limited(t, s.call(t, "GET", base, key, ""), "1")
	}
	limited(t, s.call(t, "POST", "/no/such/route", "", ""), "1")
	granted(t, s.call(t, "GET", base, s.reader, ""))
	granted(t, s.call(t, "GET", base, s.writer, ""))
	granted(t, s.call(t, "POST", base, s.writer, createBody))

	limited(t, s.call(t, "GET", "/openapi.json", "", ""), "1")
	limited(t, s.call(t, "GET", "/openapi.json", wrong[2], ""), "1")
	assert.Equal(t, 200, s.call(t, "GET", "/openapi.json", s.reader, "").status, "on public routes neither")

	c.advance(time.Second)
	for range 2 {
		refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")
	}
	limited(t, s.call(t, "GET", base, "", ""), "1")
	for range 100 { // valid requests do not count against the address
		granted(t, s.call(t, "GET", base, s.reader, ""))
	}
}

// A new process has no recently valid keys. It looks up valid keys during a flood of unknown keys.
func TestLimitFloodOfUnknownKeysValidKeysAnswered(t *testing.T) {
	s := newService(t, frozen(Limits{Unauthenticated: 1})).withKeys(t)
	valid := []string{s.reader, s.writer}
	for range 6 {
		valid = append(valid, s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeRead}))
	}
	const clients, each = 8, 40
	var flood, customers sync.WaitGroup
	for range clients {
		flood.Go(func() {
			for range each {
				_, guess := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
				status := s.call(t, "GET", base, guess.Reveal(), "").status
				assert.Contains(t, []int{401, 429}, status)
			}
		})
	}
	for _, key := range valid {
		customers.Go(func() {
			for range 10 {
				assert.Equal(t, 200, s.call(t, "GET", base, key, "").status)
			}
		})
	}
	customers.Wait()
	flood.Wait()
	limited(t, s.call(t, "GET", base, "", ""), "1")
}

// A request of a public route with a valid key is limited by the key.
func TestLimitPublicRouteValidKeyUsesKeyLimit(t *testing.T) {
	s := newService(t, frozen(Limits{Unauthenticated: 1, PerKey: 2})).withKeys(t)
	for range 5 {
		require.Equal(t, 200, s.call(t, "GET", "/openapi.json", "", "").status)
	}
	for range 2 {
		require.Equal(t, 200, s.call(t, "GET", "/openapi.json", s.reader, "").status)
	}
	limited(t, s.call(t, "GET", "/openapi.json", s.reader, ""), "1")
}

// A revoked key counts as unauthenticated.
func TestLimitRevokedKeyCountsAsUnauthenticated(t *testing.T) {
	s := newService(t, frozen(Limits{Unauthenticated: 1})).withKeys(t)
	granted(t, s.call(t, "GET", base, s.reader, ""))
	for range 4 {
		refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")
	}
	list, err := s.store.ListAPIKeysOf(t.Context(), organization, webhook.Page{Limit: 10})
	require.NoError(t, err)
	for _, key := range list.Items {
		require.NoError(t, s.store.RevokeAPIKey(t.Context(), key.ID, false, webhook.Now()))
	}
	require.Eventually(t, func() bool { return s.call(t, "GET", base, s.reader, "").status == 401 }, time.Minute, 10*time.Millisecond)
	limited(t, s.call(t, "GET", base, s.reader, ""), "1")
}

func TestLimitWrongPasswordsCorrectPasswordNot(t *testing.T) {
	redis, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = redis.Close() })
	s := newService(t, frozen(Limits{Unauthenticated: 1}), func(d *Dependencies) {
		d.Redis, d.Queues = redis, QueuesOptions{Password: "right"}
	})
	ask := func(password string) answer {
		return s.call(t, "GET", "/queues/api/queues", "", "", func(r *http.Request) {
			if password != "" {
				r.SetBasicAuth("operator", password)
			}
		})
	}
	for range 5 { // wrong API keys do not count as wrong passwords
		refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")
	}
	limited(t, s.call(t, "GET", base, "", ""), "1")
	for range 5 {
		require.Equal(t, 401, ask("wrong").status)
	}
	for range 5 {
		limited(t, ask("wrong"), "1")
		require.Equal(t, 200, ask("right").status)
		challenge := ask("")
		require.Equal(t, 401, challenge.status, "a browser asks for the password")
		require.Contains(t, challenge.header.Get("WWW-Authenticate"), "Basic")
	}
}

func TestLimitZeroUnlimited(t *testing.T) {
	s := newService(t, frozen(Limits{})).withKeys(t)
	for range 300 {
		require.Equal(t, 401, s.call(t, "GET", base, "", "").status)
		require.Equal(t, 200, s.call(t, "GET", base, s.reader, "").status)
	}
}

// Behind a trusted proxy, the limit applies to the address that the proxy saw, and not to a forged one.
func TestLimitBehindProxyUsesClientAddress(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, test := range map[string]struct {
		proxies []netip.Prefix
		apart   bool
	}{"believed": {loopback, true}, "not believed": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, frozen(Limits{Unauthenticated: 1, TrustedProxies: test.proxies}))
			from := func(address string) answer {
				return s.call(t, "GET", base, "", "", header("X-Forwarded-For", strconv.Itoa(len(address))+".made.up, 198.51.100.7, "+address))
			}
			for range 5 {
				refused(t, from("203.0.113.1"), 401, "unauthenticated")
			}
			limited(t, from("203.0.113.1"), "1")
			if test.apart {
				refused(t, from("203.0.113.2"), 401, "unauthenticated")
				for i := range 4 {
					refused(t, from(fmt.Sprintf("2001:db8:0:1::%x", i)), 401, "unauthenticated")
				}
				refused(t, from("[2001:db8:0:1:ffff::1]:443"), 401, "unauthenticated")
				limited(t, from("2001:db8:0:1:2:3:4:5"), "1") // the same /64
				refused(t, from("2001:db8:0:2::1"), 401, "unauthenticated")
			} else {
				limited(t, from("203.0.113.2"), "1")
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	ours := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, test := range map[string]struct {
		proxies   []netip.Prefix
		remote    string
		forwarded []string
		want      string
	}{
		"no proxies":                {nil, "10.0.0.1:1", []string{"203.0.113.1"}, "10.0.0.1"},
		"not a proxy":               {ours, "192.0.2.1:1", []string{"203.0.113.1"}, "192.0.2.1"},
		"a proxy and no header":     {ours, "10.0.0.1:1", nil, "10.0.0.1"},
		"a proxy":                   {ours, "10.0.0.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"what the client made up":   {ours, "10.0.0.1:1", []string{"10.9.9.9, 198.51.100.1, 203.0.113.1"}, "203.0.113.1"},
		"two proxies":               {ours, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.1, 10.0.0.2"}, "203.0.113.1"},
		"two headers":               {ours, "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.1,10.0.0.2"}, "203.0.113.1"},
		"proxies all the way":       {ours, "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"nonsense at the end":       {ours, "10.0.0.1:1", []string{"203.0.113.1, unknown"}, "10.0.0.1"},
		"nonsense behind a proxy":   {ours, "10.0.0.1:1", []string{"unknown, 10.0.0.2"}, "10.0.0.2"},
		"with a port":               {ours, "10.0.0.1:1", []string{"203.0.113.1:4711"}, "203.0.113.1"},
		"IPv6":                      {ours, "[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 in brackets":          {ours, "[fd00::1]:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":          {ours, "[fd00::1]:1", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"IPv6 with a zone":          {ours, "[fe80::1%eth0]:1", nil, "fe80::1"},
		"IPv4 in IPv6":              {ours, "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		"a zone does not hide one":  {ours, "[fd00::1%eth0]:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"ten thousand of them":      {ours, "10.0.0.1:1", []string{strings.Repeat("10.0.0.2,", 1600) + "203.0.113.1"}, "203.0.113.1"},
		"a connection without one":  {ours, "@", []string{"203.0.113.1"}, "invalid IP"},
		"an empty part at the end":  {ours, "10.0.0.1:1", []string{"203.0.113.1,"}, "10.0.0.1"},
		"line breaks in an address": {ours, "10.0.0.1:1", []string{"203.0.113.1\n10.0.0.2"}, "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		assert.Equal(t, test.want, clientAddress(r, test.proxies).String(), name)
	}
}

func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{"", "203.0.113.1", "10.0.0.2, [::1]:1", "::ffff:1.2.3.4%x", ",,,", "[", "]", "[]:", "1.2.3.4:99999", "fe80::1%\x00"} {
		f.Add(seed)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {forwarded}}}
		address := clientAddress(r, proxies)
		require.True(t, address.IsValid())
		require.False(t, address.Is4In6())
		require.Empty(t, address.Zone())
		require.True(t, limitPrefix(address).Contains(address))
	})
}

func TestUntrustedForwardedHeaderLoggedOncePerInterval(t *testing.T) {
	const message = "x-forwarded-for of an untrusted address ignored"
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, test := range map[string]struct {
		proxies []netip.Prefix
		want    int
	}{"no proxies": {nil, 2}, "other proxies": {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 2}, "a trusted proxy": {loopback, 0}} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := serve(t, nil, limits(Limits{TrustedProxies: test.proxies}, c))
			for range 3 {
				for range 20 {
					s.call(t, "GET", "/openapi.json", "", "")
					s.call(t, "GET", "/openapi.json", "", "", header("X-Forwarded-For", "203.0.113.1"))
				}
				c.advance(6 * time.Minute)
			}
			var logged []map[string]any
			for _, line := range s.lines(t) {
				if line["msg"] == message {
					logged = append(logged, line)
				}
			}
			require.Len(t, logged, test.want)
			for _, line := range logged {
				assert.Equal(t, "WARN", line["level"])
				assert.Equal(t, "127.0.0.1", line["remote"])
				assert.Contains(t, line["hint"], "TRUSTED_PROXIES")
			}
		})
	}
}
