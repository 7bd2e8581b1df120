package queue

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// errURL does not quote the URL, since it may contain a password.
var errURL = errors.New("REDIS_URL must be redis://[[user]:password@]host[:port][,host[:port]…][/database], the same with rediss:// for TLS, " +
	"redis-cluster://[[user]:password@]host[:port][,host[:port]…], or redis-sentinel://[[user]:password@]host:port[,host:port…][/database]?master=name")

// badURL returns errURL with a reason. The reason must not quote the URL, except for the names of known parameters.
func badURL(format string, arguments ...any) error {
	return fmt.Errorf("%w: %w", errURL, fmt.Errorf(format, arguments...))
}

// schemes are those of REDIS_URL.
var schemes = []string{schemePlain, schemeTLS, schemeCluster, schemeSentinel}

const (
	schemePlain    = "redis"
	schemeTLS      = "rediss"
	schemeCluster  = "redis-cluster"
	schemeSentinel = "redis-sentinel"
	defaultPort    = "6379"
)

// location is the content of REDIS_URL.
type location struct {
	addrs              []string
	username, password string
	database           int
	tls                bool
	serverName         string // expected in certificates instead of the host's name; may be empty
	poolSize           int    // 0 for the client's default

	// For redis:// and rediss:// only. If both are false, the client detects whether Redis is a cluster.
	cluster    bool // Redis is a cluster
	standalone bool // Redis is not a cluster, and MOVED is an error

	// For redis-sentinel:// only.
	master                             string
	sentinelUsername, sentinelPassword string
}

// parseURL parses REDIS_URL. It does not use net/url for the authority, since net/url accepts only one host with a port.
func parseURL(rawURL string) (location, error) {
	scheme, rest, found := strings.Cut(rawURL, "://")
	if !found || !slices.Contains(schemes, scheme) {
		return location{}, errURL
	}
	if strings.Contains(rest, "#") {
		return location{}, badURL("it contains a #, which is written %%23 in a password")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	credentials, hosts, authenticates := cutLast(authority, "@")

	l := location{tls: scheme == schemeTLS, cluster: scheme == schemeCluster}
	var err error
	if l.addrs, err = parseHosts(hosts, scheme); err != nil {
		return location{}, err
	}
	if authenticates {
		if l.username, l.password, err = parseCredentials(credentials); err != nil {
			return location{}, err
		}
	}
	parameters, err := parseParameters(query, scheme)
	if err != nil {
		return location{}, err
	}
	if path != "" {
		if _, twice := parameters["db"]; twice {
			return location{}, badURL("it names a database in its path and with db")
		}
		if l.database, err = parseDatabase(path); err != nil {
			return location{}, err
		}
	}
	return l, l.apply(parameters, scheme)
}

func parseHosts(hosts, scheme string) ([]string, error) {
	var addrs []string
	for host := range strings.SplitSeq(hosts, ",") {
		if scheme != schemeSentinel && withoutPort(host) {
			host = net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
		}
		if !isAddr(host) {
			return nil, badURL("a host is not host:port")
		}
		addrs = append(addrs, host)
	}
	return addrs, nil
}

func withoutPort(host string) bool {
	return host != "" && (!strings.Contains(host, ":") || strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]"))
}

func isAddr(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || strings.ContainsAny(host, "@/ ") {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// parseCredentials parses user:password. A user without a password is an error, because go-redis would then not authenticate at all.
func parseCredentials(s string) (username, password string, err error) {
	username, password, _ = strings.Cut(s, ":")
	username, err = url.PathUnescape(username)
	if err == nil {
		password, err = url.PathUnescape(password)
	}
	switch {
	case err != nil:
		return "", "", badURL("its user or password is not percent-encoded as in a URL")
	case username != "" && password == "":
		return "", "", badURL("it names a user without a password; a password alone is written redis://:password@host")
	}
	return username, password, nil
}

func parseDatabase(s string) (int, error) {
	number, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, badURL("the database is not a number")
	}
	return int(number), nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return "", s, false
}
