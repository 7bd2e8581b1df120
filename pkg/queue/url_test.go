package queue

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseURL(t *testing.T) {
	sentinels := []string{"s1:26379", "s2:26380", "[::1]:26379"}
	for url, want := range map[string]location{
		"redis://localhost:6380":                                    {addrs: []string{"localhost:6380"}},
		"redis://redis.internal":                                    {addrs: []string{"redis.internal:6379"}},
		"redis://redis.internal/":                                   {addrs: []string{"redis.internal:6379"}},
		"redis://[::1]":                                             {addrs: []string{"[::1]:6379"}},
		"redis://:s3cret@h:6379/3":                                  {addrs: []string{"h:6379"}, password: "s3cret", database: 3},
		"redis://:s3cret@h?db=3":                                    {addrs: []string{"h:6379"}, password: "s3cret", database: 3},
		"redis://:p%40%2F%3F%23%25%3A@h":                            {addrs: []string{"h:6379"}, password: "p@/?#%:"},
		"redis://:a:b@c@h":                                          {addrs: []string{"h:6379"}, password: "a:b@c"},
		"redis://u:s3%2Fc%40ret@[::1]:6379":                         {addrs: []string{"[::1]:6379"}, username: "u", password: "s3/c@ret"},
		"redis://h:6379/0?pool_size=50":                             {addrs: []string{"h:6379"}, poolSize: 50},
		"redis://h?cluster=true":                                    {addrs: []string{"h:6379"}, cluster: true},
		"redis://h?cluster=0":                                       {addrs: []string{"h:6379"}, standalone: true},
		"redis://:s3cret@a:1,b,[::1]:3/0":                           {addrs: []string{"a:1", "b:6379", "[::1]:3"}, password: "s3cret", cluster: true},
		"redis-cluster://h":                                         {addrs: []string{"h:6379"}, cluster: true},
		"redis-cluster://u:s3cret@a:1,[::1]/0?pool_size=7":          {addrs: []string{"a:1", "[::1]:6379"}, username: "u", password: "s3cret", cluster: true, poolSize: 7},
		"redis-cluster://a?tls=true&tls_server_name=r":              {addrs: []string{"a:6379"}, cluster: true, tls: true, serverName: "r"},
		"rediss://h?tls_server_name=redis.local":                    {addrs: []string{"h:6379"}, tls: true, serverName: "redis.local"},
		"rediss://a,b?cluster=T&pool_size=7":                        {addrs: []string{"a:6379", "b:6379"}, tls: true, cluster: true, poolSize: 7},
		"redis-sentinel://s1:26379?master=m":                        {addrs: sentinels[:1], master: "m"},
		"redis-sentinel://s1:26379/?master=m":                       {addrs: sentinels[:1], master: "m"},
		"redis-sentinel://s1:26379?master=my%20m":                   {addrs: sentinels[:1], master: "my m"},
		"redis-sentinel://s1:26379,s2:26380,[::1]:26379/2?master=m": {addrs: sentinels, master: "m", database: 2},
		"redis-sentinel://u:s3%2Fc%40%3Fret@s1:26379,s2:26380/1?master=m&sentinel_user=su&sentinel_password=s3%26cret": {
			addrs: sentinels[:2], master: "m", database: 1, username: "u", password: "s3/c@?ret",
			sentinelUsername: "su", sentinelPassword: "s3&cret",
		},
		"redis-sentinel://:s3cret@s1:26379?master=m": {addrs: sentinels[:1], master: "m", password: "s3cret"},
	} {
		l, err := parseURL(url)
		require.NoError(t, err, url)
		assert.Equal(t, want, l, url)
	}
}

// Booleans have the same values as in all other settings.
func TestParseURLBooleans(t *testing.T) {
	for text, want := range map[string]bool{
		"1": true, "t": true, "T": true, "true": true, "True": true, "TRUE": true,
		"0": false, "f": false, "F": false, "false": false, "False": false, "FALSE": false,
	} {
		l, err := parseURL("redis-sentinel://s1:26379?master=m&tls=" + text)
		require.NoError(t, err, text)
		assert.Equal(t, want, l.tls, text)
		l, err = parseURL("redis://h?cluster=" + text)
		require.NoError(t, err, text)
		assert.Equal(t, want, l.cluster, text)
		assert.Equal(t, !want, l.standalone, text)
	}
}

// Errors quote no part of the URL that may be a secret.
func TestParseURLInvalidFails(t *testing.T) {
	for url, reason := range map[string]string{
		"":                       "REDIS_URL must be",
		"h:6379":                 "REDIS_URL must be",
		"http://:s3cret@h:6379":  "REDIS_URL must be",
		"unix:///s3cret.sock":    "REDIS_URL must be",
		"REDIS://h":              "REDIS_URL must be",
		"redis://":               "host",
		"redis:///1":             "host",
		"redis://:s3cret@":       "host",
		"redis://:s3cret@:6379":  "host",
		"redis://a,,b":           "host",
		"redis://:s3cret@h:0":    "host",
		"redis://::1":            "host",
		"redis://s3cret@h":       "redis://:password@host",
		"redis://user:@h":        "redis://:password@host",
		"redis://:s3cret#x@h":    "%23",
		"redis://:s3cret@h/db":   "not a number",
		"redis://:s3cret@h/-1":   "not a number",
		"redis://:s3cret@h/1/2":  "not a number",
		"redis://h/1?db=1":       "in its path and with db",
		"redis://h?db=s3cret":    "not a number",
		"redis://:s3cret%zz@h":   "percent-encoded",
		"redis://h?pool_size=%z": "percent-encoded",
		"redis://h?a;b":          "percent-encoded",

		"redis://:s3cret@h:99999999":               "host",
		"redis://:s3cret@h?dial_timeout=s3cret":    "the parameter dial_timeout is not known; redis:// takes cluster, db, pool_size",
		"redis://h?protocol=2":                     "protocol",
		"redis://h?tls=true":                       "the parameter tls is not known",
		"redis://h?tls_server_name=h":              "tls_server_name",
		"redis://h?master=m":                       "master",
		"redis://12?s3cret@h":                      "a parameter is not known",
		"redis://h?S3CRET=1":                       "a parameter is not known",
		"rediss://h?skip_verify=true":              "the parameter skip_verify is not known; rediss:// takes cluster, db, pool_size, tls_server_name",
		"redis://h?pool_size=5&pool_size=5":        "pool_size is given twice",
		"redis://h?pool_size=":                     "pool_size is empty",
		"redis://h?pool_size=0":                    "pool_size is not a number from 1",
		"redis://h?pool_size=-5":                   "pool_size is not a number from 1",
		"redis://h?cluster=yes":                    "cluster is neither true nor false",
		"redis://h/1?cluster=true":                 "a cluster has database 0 only",
		"redis://a,b/1":                            "a cluster has database 0 only",
		"redis://a,b?cluster=false":                "cluster is false",
		"redis-sentinel://":                        "host",
		"redis-sentinel://:s3cret@s1:26379":        "master is missing",
		"redis-sentinel://:s3cret@s1?master=m":     "host",
		"redis-sentinel://:s3cret@:26379?master=m": "host",
		"redis-sentinel://:s3cret@s1:0?master=m":   "host",

		"redis-sentinel://:s3cret@s1:26379,s2?master=m":             "host",
		"redis-sentinel://:s3cret@s1:99999?master=m":                "host",
		"redis-sentinel://:s3cret@s1:26379,?master=m":               "host",
		"redis-sentinel://:s3cret@s1:26379/db?master=m":             "not a number",
		"redis-sentinel://:s3%zzcret@s1:26379?master=m":             "percent-encoded",
		"redis-sentinel://u:s3/cret@s1:26379/0?master=m":            "host",
		"redis-sentinel://:s3?cret@s1:26379/0?master=m":             "host",
		"redis-sentinel://s1:26379?master=m&tls=yes":                "tls is neither true nor false",
		"redis-sentinel://s1:26379?master=m&tls=":                   "tls is empty",
		"redis-sentinel://s1:26379?master=m&TLS=true":               "a parameter is not known",
		"redis-sentinel://s1:26379?master=m&tsl=true":               "the parameter tsl is not known; redis-sentinel:// takes master, pool_size, sentinel_password, sentinel_user, tls, tls_server_name",
		"redis-sentinel://s1:26379?master=m&master=n":               "master is given twice",
		"redis-sentinel://s1:26379?master=m&sentinel_user=s3cret":   "sentinel_user is given without",
		"redis-sentinel://s1:26379?master=m&tls_server_name=s3cret": "without TLS",
		"redis-sentinel://s1:26379?master=m&cluster=true":           "cluster",
	} {
		_, err := parseURL(url)
		require.ErrorIs(t, err, errURL, url)
		require.ErrorContains(t, err, reason, url)
		assert.NotContains(t, err.Error(), "s3", url)
		assert.NotContains(t, err.Error(), "S3", url)
		assert.NotContains(t, err.Error(), "cret", url)
	}
}
