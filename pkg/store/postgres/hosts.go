package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// parseURL parses the URL in a setting. permitted are the values of target_session_attrs beside none and any. The error does not quote the URL.
func parseURL(setting, text string, permitted ...string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(text)
	if err != nil {
		// The parser's error is dropped. pgx redacts the password in it only if it could parse the URL.
		return nil, errors.New(setting + " is not a valid postgres:// URL")
	}
	_, query, _ := strings.Cut(text, "?")
	parameters, err := url.ParseQuery(query)
	if attributes := parameters.Get("target_session_attrs"); err == nil && attributes != "" && attributes != "any" && !slices.Contains(permitted, attributes) {
		return nil, fmt.Errorf("%s must have target_session_attrs=%s, or none", setting, strings.Join(permitted, " or "))
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, connectTimeout)
	config.RuntimeParams["timezone"] = "UTC"
	return config, nil
}

// host is one server of a URL.
type host struct {
	address string
	config  pgx.ConnConfig
}

// splitHosts returns the servers of a configuration in the order of the URL, each with a configuration of its own. pgx would try them one
// after the other. With sslmode=prefer, pgx has two entries for each server: with TLS and without.
func splitHosts(config pgx.ConnConfig) []host {
	entries := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	var hosts []host
	for _, entry := range entries {
		address := net.JoinHostPort(entry.Host, strconv.Itoa(int(entry.Port)))
		if last := len(hosts) - 1; last >= 0 && hosts[last].address == address {
			hosts[last].config.Fallbacks = append(hosts[last].config.Fallbacks, entry)
			continue
		}
		one := *config.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = entry.Host, entry.Port, entry.TLSConfig, nil
		hosts = append(hosts, host{address, one})
	}
	return hosts
}
