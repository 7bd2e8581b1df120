package queue

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parameter is a query parameter of REDIS_URL.
type parameter struct {
	schemes []string
	apply   func(l *location, value string) error
}

// parameters are the query parameters that REDIS_URL accepts. Parameters of go-redis that change timeouts, retries, the protocol or
// certificate verification are not accepted, because the guarantees of this package depend on those.
var parameters = map[string]parameter{
	"db": {[]string{schemePlain, schemeTLS}, func(l *location, value string) (err error) {
		l.database, err = parseDatabase(value)
		return err
	}},
	"pool_size": {[]string{schemePlain, schemeTLS, schemeCluster, schemeSentinel}, func(l *location, value string) error {
		size, err := strconv.ParseUint(value, 10, 16)
		if err != nil || size == 0 {
			return badURL("pool_size is not a number from 1 to 65535")
		}
		l.poolSize = int(size)
		return nil
	}},
	"cluster": {[]string{schemePlain, schemeTLS}, func(l *location, value string) (err error) {
		l.cluster, err = parseBool("cluster", value)
		l.standalone = !l.cluster
		return err
	}},
	"tls": {[]string{schemeCluster, schemeSentinel}, func(l *location, value string) (err error) {
		l.tls, err = parseBool("tls", value)
		return err
	}},
	"tls_server_name": {[]string{schemeTLS, schemeCluster, schemeSentinel}, func(l *location, value string) error {
		l.serverName = value
		return nil
	}},
	"master": {[]string{schemeSentinel}, func(l *location, value string) error {
		l.master = value
		return nil
	}},
	"sentinel_user": {[]string{schemeSentinel}, func(l *location, value string) error {
		l.sentinelUsername = value
		return nil
	}},
	"sentinel_password": {[]string{schemeSentinel}, func(l *location, value string) error {
		l.sentinelPassword = value
		return nil
	}},
}

// parseBool accepts the same values as all other settings.
func parseBool(name, value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, badURL("%s is neither true nor false", name)
	}
	return b, nil
}

// parameterName matches the unknown names that an error may quote. Any other name may be part of a password that contains a bare "?".
var parameterName = regexp.MustCompile(`^[a-z][a-z_]{0,30}$`)

func parseParameters(query, scheme string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, badURL("its parameters are not percent-encoded as in a URL")
	}
	given := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p, known := parameters[name]
		switch {
		case !known || !slices.Contains(p.schemes, scheme):
			quoted := "a parameter"
			if parameterName.MatchString(name) && !strings.Contains(query, "@") {
				quoted = "the parameter " + name
			}
			return nil, badURL("%s is not known; %s:// takes %s", quoted, scheme, strings.Join(parametersOf(scheme), ", "))
		case len(values[name]) > 1:
			return nil, badURL("%s is given twice", name)
		case values[name][0] == "":
			return nil, badURL("%s is empty", name)
		}
		given[name] = values[name][0]
	}
	return given, nil
}

func parametersOf(scheme string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(parameters)), func(name string) bool {
		return !slices.Contains(parameters[name].schemes, scheme)
	})
}

// apply sets the parameters' values and returns an error for combinations that are not valid.
func (l *location) apply(given map[string]string, scheme string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := parameters[name].apply(l, given[name]); err != nil {
			return err
		}
	}
	several := len(l.addrs) > 1 && scheme != schemeSentinel
	switch {
	case scheme == schemeSentinel && l.master == "":
		return badURL("master is missing: the name under which the sentinels monitor the primary")
	case l.sentinelUsername != "" && l.sentinelPassword == "":
		return badURL("sentinel_user is given without sentinel_password")
	case l.serverName != "" && !l.tls:
		return badURL("tls_server_name is given without TLS")
	case several && l.standalone:
		return badURL("it names several hosts, which must be nodes of one cluster, but cluster is false")
	case (several || l.cluster) && l.database != 0:
		return badURL("a cluster has database 0 only")
	}
	l.cluster = l.cluster || several
	return nil
}
