package testservers

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		playVictim()
	}
	goleak.VerifyTestMain(Suite(m))
}

type fakeTests struct{ run func() int }

func (f fakeTests) Run() int { return f.run() }

func TestSuiteStopsServersLeftRunning(t *testing.T) {
	var left *RedisServer
	code := Main(fakeTests{func() int {
		var err error
		left, err = StartRedis(RedisOptions{})
		require.NoError(t, err)
		return 3
	}})

	assert.Equal(t, 3, code)
	assert.Zero(t, left.PID())
	assert.NoDirExists(t, left.dir.path)
}

func TestShutdownTwiceAllowsRestart(t *testing.T) {
	t.Setenv(databaseURLVariable, "")
	first, err := shared.url()
	require.NoError(t, err)
	require.NoError(t, Shutdown())
	require.NoError(t, Shutdown())

	second, err := shared.url()
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	assert.Equal(t, "1", queryText(t, second, "SELECT 1::text"))
}
