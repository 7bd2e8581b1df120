package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/cache"
)

func TestRecentExpiresUnlessRenewed(t *testing.T) {
	now := time.Now()
	recent := cache.NewRecent[string, int](time.Minute, 10)
	assert.True(t, recent.Add("a", 1, now))
	assert.False(t, recent.Add("a", 2, now.Add(30*time.Second)), "it is known")
	value, found := recent.Get("a", now.Add(89*time.Second))
	assert.True(t, found)
	assert.Equal(t, 2, value)
	_, found = recent.Get("a", now.Add(90*time.Second))
	assert.False(t, found)
}

func TestRecentRemoved(t *testing.T) {
	now := time.Now()
	recent := cache.NewRecent[string, int](time.Minute, 10)
	recent.Add("a", 1, now)
	recent.Remove("a")
	_, found := recent.Get("a", now)
	assert.False(t, found)
}

func TestRecentFullDropsAll(t *testing.T) {
	now := time.Now()
	recent := cache.NewRecent[int, bool](time.Minute, 2)
	for key := range 3 {
		recent.Add(key, true, now)
	}
	for key, expected := range []bool{false, false, true} {
		_, found := recent.Get(key, now)
		assert.Equal(t, expected, found, key)
	}
}
