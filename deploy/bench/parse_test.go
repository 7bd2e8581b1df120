package bench

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	// The name of a process may contain the separator of the fields.
	s, err := parseStat([]byte("42 (a ) b) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 30 20 20 0 9 0 1000"))
	require.NoError(t, err)
	assert.Equal(t, stat{parent: 7, cpu: 2 * time.Second, reaped: 500 * time.Millisecond}, s)
	for _, broken := range []string{"", "42 (a) S 7", "42 (a) S x 42 42 0 -1 4194304 100 0 0 0 150 50 30 20"} {
		_, err := parseStat([]byte(broken))
		assert.Error(t, err, broken)
	}
}

func TestKilobytes(t *testing.T) {
	const status = "Name:\tbench\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
	bytes, err := kilobytes(status, "VmHWM:")
	require.NoError(t, err)
	assert.InDelta(t, 2048*1024, bytes, 0)
	_, err = kilobytes(status, "RssAnon:")
	assert.Error(t, err)
}

func TestUsageOfThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	u, err := watched{pid: os.Getpid()}.usage()
	require.NoError(t, err)
	assert.Positive(t, u.memory)
	_, err = watched{pid: os.Getpid(), family: true}.usage()
	require.NoError(t, err)
}

func TestInfoField(t *testing.T) {
	const info = "# Stats\r\ntotal_commands_processed:123\r\ntotal_commands:9\r\n"
	value, found := infoField(info, "total_commands_processed")
	assert.True(t, found)
	assert.Equal(t, "123", value)
	_, found = infoField(info, "commands")
	assert.False(t, found)
}

func TestModelName(t *testing.T) {
	assert.Equal(t, "Fast 9000 @ 5 GHz", modelName("processor\t: 0\nmodel name\t: Fast 9000 @ 5 GHz\nmodel\t: 1\n"))
	assert.Equal(t, "unknown processor", modelName("processor\t: 0\n"))
}

func TestPlaceholders(t *testing.T) {
	list, next := placeholders(2, 3, 5)
	assert.Equal(t, "($5, $6), ($7, $8), ($9, $10)", list)
	assert.Equal(t, 11, next)
}

func TestBodiesMatchContract(t *testing.T) {
	var event struct {
		EventType string         `json:"eventType"`
		Data      map[string]any `json:"data"`
	}
	require.NoError(t, json.Unmarshal(eventBody("a.b"), &event))
	assert.Equal(t, "a.b", event.EventType)
	assert.NotEmpty(t, event.Data)
	var batch struct{ Events []json.RawMessage }
	require.NoError(t, json.Unmarshal(batchBody("a.b", 7), &batch))
	require.Len(t, batch.Events, 7)
	assert.JSONEq(t, string(eventBody("a.b")), string(batch.Events[6]))
}

func TestProgress(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, 2)
	p.step("first")
	p.say("%d of %d", 1, 3)
	p.step("second")
	p.end()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3, "elsewhere than on a terminal nothing is written over")
	assert.Contains(t, lines[0], "1/2  first")
	assert.Contains(t, lines[1], "1/2  1 of 3")
	assert.Contains(t, lines[2], "2/2  second")

	out.Reset()
	p = newProgress(&out, 2)
	p.terminal = true
	p.step("a long text")
	p.say("short")
	p.end()
	assert.Equal(t, "   0s   1/2  a long text\r   0s   1/2  short      \n", strings.TrimPrefix(out.String(), "\r"))
}
