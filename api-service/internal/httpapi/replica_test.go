package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestWritersReadTheirWrites(t *testing.T) {
	w, now := newWriters(), time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	assert.False(t, w.lately("key_a", now))
	for step := range 100 { // at every phase of the periods
		written := now.Add(time.Duration(step) * 700 * time.Millisecond)
		w.wrote("key_a", written)
		assert.True(t, w.lately("key_a", written.Add(readYourWrites-time.Nanosecond)), step)
		assert.False(t, w.lately("key_b", written), "another caller")
	}
	assert.False(t, w.lately("key_a", now.Add(time.Hour)))
	assert.Empty(t, w.current)
	assert.Empty(t, w.earlier, "callers are forgotten")
}

func TestFromReplicaWithoutReplicaUsesPrimary(t *testing.T) {
	var w *writers
	c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRecorder())
	w.record(c)
	called := false
	require.NoError(t, deadline(0)(w.fromReplica(func(c echo.Context) error {
		called = true
		assert.False(t, webhook.ReplicaReadsOf(c.Request().Context()).Permitted())
		return nil
	}))(c))
	assert.True(t, called)
}

func TestFromReplicaAfterWriteUsesPrimary(t *testing.T) {
	w := newWriters()
	request := func(method string) echo.Context {
		c := echo.New().NewContext(httptest.NewRequest(method, "/", nil), httptest.NewRecorder())
		c.Set(identityInContext, webhook.Identity{Key: webhook.APIKey{ID: "key_a"}})
		return c
	}
	permitted := func() (permitted bool) {
		handler := w.fromReplica(func(c echo.Context) error {
			permitted = webhook.ReplicaReadsOf(c.Request().Context()).Permitted()
			allow(c, 2)
			assert.Equal(t, permitted, webhook.ReplicaReadsOf(c.Request().Context()).Permitted(), "after a new deadline")
			return nil
		})
		require.NoError(t, deadline(0)(handler)(request(http.MethodGet)))
		return permitted
	}
	w.record(request(http.MethodGet))
	assert.True(t, permitted(), "a read is no write")
	w.record(request(http.MethodPost))
	assert.False(t, permitted())
}
