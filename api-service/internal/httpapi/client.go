package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

const clientInContext = "client"

// client is the address that the request comes from; the zero Addr if there is none to be made out.
func client(c echo.Context) netip.Addr {
	address, _ := c.Get(clientInContext).(netip.Addr)
	return address
}

// whereFrom finds the address that each request comes from.
func whereFrom(limits Limits, log *slog.Logger) echo.MiddlewareFunc {
	ignored := &untrusted{proxies: limits.TrustedProxies, log: log, now: limits.clock()}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ignored.notice(c.Request())
			c.Set(clientInContext, clientAddress(c.Request(), limits.TrustedProxies))
			return next(c)
		}
	}
}

// clientAddress is the connection's other end. Only if that is a proxy of ours, its word is taken for who is behind it: the
// addresses in X-Forwarded-For are read from the right, which is where each proxy adds the one that it saw, up to the first that is
// not a proxy of ours. Everything left of that may have been made up.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	address := parseAddress(r.RemoteAddr)
	if len(proxies) == 0 {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !contains(proxies, address) {
			break
		}
		behind := parseAddress(strings.TrimSpace(hop))
		if !behind.IsValid() {
			break
		}
		address = behind
	}
	return address
}

// parseAddress reads an address with or without a port, and takes an IPv4 in IPv6's clothes for what it is.
func parseAddress(text string) netip.Addr {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}

// neighbourhood is what shares a limit: an IPv4 address, or the network of an IPv6 one. A customer is given a /64 at least, and can
// use any address in it.
func neighbourhood(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // it fails for the zero Addr alone; requests without an address share a limit
	return prefix
}
