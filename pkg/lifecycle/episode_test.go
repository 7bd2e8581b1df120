package lifecycle

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestEpisodeReportsFirstErrorWithinAMinute(t *testing.T) {
	var e Episode
	failed := errors.New("unavailable")
	start := time.Now()
	for i, step := range []struct {
		after time.Duration
		err   error
		began bool
	}{
		{0, nil, false},
		{0, failed, true},
		{time.Second, failed, false},
		{2 * time.Second, nil, false},
		{3 * time.Second, failed, false},
		{62 * time.Second, failed, false},
		{121 * time.Second, nil, false},
		{122 * time.Second, failed, true},
	} {
		assert.Equal(t, step.began, e.Began(step.err, start.Add(step.after)), "step %d", i)
	}
}
