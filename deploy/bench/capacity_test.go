package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCountCommandsAddsUpCallsAndScripts(t *testing.T) {
	commands, scripts := countCommands("# Commandstats\r\ncmdstat_evalsha:calls=3,usec=10\r\ncmdstat_eval:calls=1,usec=2\r\n" +
		"cmdstat_zadd:calls=40,usec=9,rejected_calls=7\r\ncmdstat_script|load:calls=2,usec=1\r\n")
	assert.InDelta(t, 46, commands, 0)
	assert.InDelta(t, 4, scripts, 0)
}

func TestGaugesAreSummedOverTheirLabels(t *testing.T) {
	sums, err := gauges(strings.NewReader("# TYPE redrive_redis_connections gauge\n" +
		`redrive_redis_connections{state="in_use"} 2` + "\n" + `redrive_redis_connections{state="idle"} 5` + "\n"))
	require.NoError(t, err)
	assert.InDelta(t, 7, sums["redrive_redis_connections"], 0)
	_, err = gauges(strings.NewReader("not metrics {"))
	require.Error(t, err)
}
