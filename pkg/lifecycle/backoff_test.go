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
		for _, expected := range []time.Duration{10, 20, 40, 50, 50} {
			began := time.Now()
			require.NoError(t, pauses.Sleep(t.Context()))
			assert.Equal(t, expected*time.Millisecond, time.Since(began))
		}
	})
}
