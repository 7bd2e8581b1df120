package lifecycle

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStreakReportsFirstErrorAndFirstSuccess(t *testing.T) {
	var s Streak
	failed := errors.New("unavailable")
	for i, step := range []struct {
		err          error
		began, ended bool
	}{
		{nil, false, false}, {failed, true, false}, {failed, false, false}, {nil, false, true}, {nil, false, false}, {failed, true, false},
	} {
		began, ended := s.Note(step.err)
		assert.Equal(t, [2]bool{step.began, step.ended}, [2]bool{began, ended}, "step %d", i)
	}
}
