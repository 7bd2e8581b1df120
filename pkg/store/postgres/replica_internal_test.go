package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// began is a time of the measurements of these tests, which do not wait.
var began = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(second int, lsn int64) position {
	return position{began.Add(time.Duration(second) * time.Second), lsn}
}

func TestReplicaStalenessFollowsReplayedPositions(t *testing.T) {
	for name, c := range map[string]struct {
		measured func(s *standbyPool)
		want     int // the second until which the standby shows everything
	}{
		"idle primary": {func(s *standbyPool) {
			for second := range 100 {
				s.compare(7, at(second, 7))
			}
		}, 99},
		"follows a busy primary": {func(s *standbyPool) {
			for second := range 100 {
				s.compare(int64(10*second)-3, at(second, int64(10*second)))
			}
		}, 98},
		"cut off from a busy primary": {func(s *standbyPool) {
			s.compare(50, at(0, 50))
			for second := 1; second < 100; second++ {
				s.compare(50, at(second, 50+int64(second)))
			}
		}, 0},
		"catches up": {func(s *standbyPool) {
			for second := 1; second < 100; second++ {
				s.compare(0, at(second, int64(second)))
			}
			s.compare(42, at(100, 100))
		}, 42},
		"primary at a lower position after a failover": {func(s *standbyPool) {
			s.compare(50, at(0, 50))
			s.compare(50, at(1, 90)) // the standby lacks the last 40, and so does the promoted one
			s.compare(50, at(2, 60))
			s.compare(60, at(3, 61))
		}, 2},
		"cut off for hours": {func(s *standbyPool) {
			s.compare(1, at(0, 1))
			for second := 1; second < 3*keptPositions; second++ {
				s.compare(1, at(second, int64(second+1)))
			}
			s.compare(int64(3*keptPositions), at(3*keptPositions, int64(3*keptPositions)+1))
		}, 3*keptPositions - 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &standbyPool{}
			c.measured(s)
			assert.Equal(t, at(c.want, 0).at, s.fresh)
			assert.LessOrEqual(t, len(s.positions), keptPositions)
		})
	}
}
