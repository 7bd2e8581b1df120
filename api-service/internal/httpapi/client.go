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

// client returns the client address of the request. It is the zero Addr if the address is unknown.
func client(c echo.Context) netip.Addr {
	address, _ := c.Get(clientInContext).(netip.Addr)
	return address
}

// findClient finds the client address of each request.
func findClient(limits Limits, log *slog.Logger) echo.MiddlewareFunc {
	ignored := &untrusted{proxies: limits.TrustedProxies, log: log, now: limits.clock()}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ignored.notice(c.Request())
			c.Set(clientInContext, clientAddress(c.Request(), limits.TrustedProxies))
			return next(c)
		}
	}
}

// clientAddress returns the remote address of the connection, or, if that is a trusted proxy, the client address in X-Forwarded-For. Each
// proxy appends the address that it saw. The addresses are therefore read from the right, up to the first one that is not a trusted proxy.
// A client can forge everything left of it.
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

// parseAddress parses an address with or without a port. It returns an IPv4-mapped IPv6 address as IPv4.
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

// limitPrefix returns the addresses that share a limit: one IPv4 address, or an IPv6 /64. A customer gets at least a /64 and can use every
// address in it.
func limitPrefix(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // fails only for the zero Addr; requests without an address share a limit
	return prefix
}
