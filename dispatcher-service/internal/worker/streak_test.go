package worker

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStreakReportsFirstOfSeveralErrors(t *testing.T) {
	var s streak
	failed := errors.New("away")
	var reported []bool
	for _, err := range []error{nil, failed, failed, nil, failed} {
		reported = append(reported, s.first(err))
	}
	assert.Equal(t, []bool{false, true, false, false, true}, reported)
}
