package lifecycle_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/lifecycle"
)

func TestBackoffDoublesUpToLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := lifecycle.Backoff{First: 10 * time.Millisecond, Longest: 50 * time.Millisecond}
		for _, expected := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond} {
			began := time.Now()
			require.NoError(t, pauses.Sleep(t.Context()))
			assert.Equal(t, expected, time.Since(began))
		}
	})
}
