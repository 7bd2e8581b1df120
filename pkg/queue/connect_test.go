package queue

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The client matches the URL and has a timeout for every wait.
func TestConnectOptions(t *testing.T) {
	client, err := Connect("redis://:s3cret@127.0.0.1:1/2")
	require.NoError(t, err, "nothing is dialled yet")
	defer func() { require.NoError(t, client.Close()) }()
	single, ok := Unwrap(client).(*redis.Client)
	require.True(t, ok)
	options := single.Options()
	assert.Equal(t, dialTimeout, options.DialTimeout)
	assert.Equal(t, dialTries, options.DialerRetries)
	assert.Equal(t, ioTimeout, options.ReadTimeout)
	assert.Equal(t, ioTimeout, options.WriteTimeout)
	assert.Equal(t, idleTimeout, options.ConnMaxIdleTime)
	assert.Equal(t, maxRetries, options.MaxRetries)
	assert.True(t, options.ContextTimeoutEnabled)
	assert.Equal(t, 2, options.DB)

	for _, url := range []string{
		"redis://:s3cret@127.0.0.1:1/2", "redis://:s3cret@127.0.0.1:1?cluster=false", "redis://:s3cret@127.0.0.1:1?cluster=true",
		"redis://:s3cret@127.0.0.1:1,127.0.0.1:2", "redis-sentinel://:s3cret@127.0.0.1:1,127.0.0.1:2?master=m",
	} {
		client, err := Connect(url)
		require.NoError(t, err, url)
		defer func() { require.NoError(t, client.Close()) }()
		err = client.Ping(t.Context()).Err()
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "s3cret", url)
		require.NoError(t, Check(t.Context(), client), "an unavailable Redis is no error")
	}
	_, err = Connect("redis://:s3cret@")
	require.ErrorIs(t, err, errURL)
}
