package local

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

// ownHosts refuses requests whose Host is not an address of this machine, with 421. A page of another site can make a browser send
// requests to loopback under the page's own name (DNS rebinding), and local mode has routes without a password.
type ownHosts struct {
	configured []string // host names of the addresses to listen on
}

func newOwnHosts(addrs ...string) ownHosts {
	var o ownHosts
	for _, addr := range addrs {
		if host := hostname(addr); host != "" {
			o.configured = append(o.configured, host)
		}
	}
	return o
}

// wrap puts the check around a handler.
func (o ownHosts) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.contains(r.Host) { // net/http has stored the host of an absolute request target there
			next.ServeHTTP(w, r)
			return
		}
		id := webhook.NewID(webhook.KindRequest, time.Now())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", id)
		w.WriteHeader(http.StatusMisdirectedRequest)
		_ = json.NewEncoder(w).Encode(envelope.Refuse(http.StatusMisdirectedRequest, "foreign_host",
			"local mode answers under the names of this machine only: use localhost, 127.0.0.1 or [::1] in the URL", id))
	})
}

// contains accepts localhost, addresses of loopback and the configured addresses, with any port.
func (o ownHosts) contains(hostport string) bool {
	host := hostname(hostport)
	if host == "localhost" {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	return slices.Contains(o.configured, host)
}

// hostname is a host without port and brackets, in lower case and without the dot of the root.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
