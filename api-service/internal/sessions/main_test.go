package sessions_test

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }
