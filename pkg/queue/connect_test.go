package queue

import (
	"crypto/tls"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	sentinels := []string{"s1:26379", "s2:26380", "[::1]:26379"}
	for url, want := range map[string]redis.UniversalOptions{
		"redis://localhost:6380":            {Addrs: []string{"localhost:6380"}},
		"redis://redis.internal":            {Addrs: []string{"redis.internal:6379"}},
		"redis://:s3cret@h:6379/3":          {Addrs: []string{"h:6379"}, Password: "s3cret", DB: 3},
		"redis://u:s3%2Fc%40ret@[::1]:6379": {Addrs: []string{"[::1]:6379"}, Username: "u", Password: "s3/c@ret"},
		"redis://h:6379/0?pool_size=50":     {Addrs: []string{"h:6379"}, PoolSize: 50},

		"redis-sentinel://s1:26379?master=m": {Addrs: sentinels[:1], MasterName: "m"},
		"redis-sentinel://s1:26379/?master=m": {
			Addrs: sentinels[:1], MasterName: "m",
		},
		"redis-sentinel://s1:26379,s2:26380,[::1]:26379/2?master=m": {Addrs: sentinels, MasterName: "m", DB: 2},
		"redis-sentinel://u:s3%2Fc%40%3Fret@s1:26379,s2:26380/1?master=m&sentinel_user=su&sentinel_password=s3%26cret": {
			Addrs: sentinels[:2], MasterName: "m", DB: 1, Username: "u", Password: "s3/c@?ret", SentinelUsername: "su", SentinelPassword: "s3&cret",
		},
		"redis-sentinel://:s3cret@s1:26379?master=m": {Addrs: sentinels[:1], MasterName: "m", Password: "s3cret"},
	} {
		options, err := parse(url)
		require.NoError(t, err, url)
		assert.Equal(t, &want, options, url)
	}
}

func TestParseTLS(t *testing.T) {
	options, err := parse("rediss://:s3cret@redis.example.com:6379/1")
	require.NoError(t, err)
	require.NotNil(t, options.TLSConfig)
	assert.Equal(t, "redis.example.com", options.TLSConfig.ServerName)
	assert.GreaterOrEqual(t, options.TLSConfig.MinVersion, uint16(tls.VersionTLS12))
	assert.False(t, options.TLSConfig.InsecureSkipVerify)

	options, err = parse("redis-sentinel://s1:26379?master=m&tls=true")
	require.NoError(t, err)
	require.NotNil(t, options.TLSConfig)
	assert.GreaterOrEqual(t, options.TLSConfig.MinVersion, uint16(tls.VersionTLS12))
	options, err = parse("redis-sentinel://s1:26379?master=m")
	require.NoError(t, err)
	assert.Nil(t, options.TLSConfig)
}

func TestConnectRefuses(t *testing.T) {
	for _, url := range []string{
		"", "h:6379", "http://:s3cret@h:6379", "unix:///s3cret.sock", "redis://:s3cret@h:99999999", "redis://:s3cret@h:6379/db",
		"redis://:s3cret%zz@h:6379", "redis://:s3cret@h:6379/1/2", "redis://:s3cret@h:6379?dial_timeout=s3cret",
		"redis-sentinel://", "redis-sentinel://:s3cret@s1:26379", "redis-sentinel://:s3cret@s1?master=m", "redis-sentinel://:s3cret@s1:26379,s2?master=m",
		"redis-sentinel://:s3cret@:26379?master=m", "redis-sentinel://:s3cret@s1:0?master=m", "redis-sentinel://:s3cret@s1:99999?master=m",
		"redis-sentinel://:s3cret@s1:26379,?master=m", "redis-sentinel://:s3cret@s1:26379/db?master=m", "redis-sentinel://:s3cret@s1:26379/-1?master=m",
		"redis-sentinel://:s3%zzcret@s1:26379?master=m", "redis-sentinel://u:s3/cret@s1:26379/0?master=m", "redis-sentinel://:s3?cret@s1:26379/0?master=m",
	} {
		client, err := Connect(url)
		if !assert.Error(t, err, url) {
			_ = client.Close()
			continue
		}
		assert.ErrorIs(t, err, errURL, url)
		assert.NotContains(t, err.Error(), "s3", url)
		assert.NotContains(t, err.Error(), "cret", url)
	}
}

// The client is of the kind that the URL asks for, with bounds on everything that waits.
func TestConnect(t *testing.T) {
	client, err := Connect("redis://:s3cret@127.0.0.1:1/2")
	require.NoError(t, err, "nothing is dialled yet")
	defer func() { require.NoError(t, client.Close()) }()
	single, ok := client.(*redis.Client)
	require.True(t, ok)
	options := single.Options()
	assert.Equal(t, dialTimeout, options.DialTimeout)
	assert.Equal(t, dialTries, options.DialerRetries)
	assert.Equal(t, ioTimeout, options.ReadTimeout)
	assert.Equal(t, ioTimeout, options.WriteTimeout)
	assert.Equal(t, maxRetries, options.MaxRetries)
	assert.True(t, options.ContextTimeoutEnabled)
	assert.Equal(t, 2, options.DB)

	err = client.Ping(t.Context()).Err()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")
	failover, err := Connect("redis-sentinel://:s3cret@127.0.0.1:1,127.0.0.1:2?master=m")
	require.NoError(t, err)
	defer func() { require.NoError(t, failover.Close()) }()
	err = failover.Ping(t.Context()).Err()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")
}
