package process

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, j *journal, texts ...string) {
	t.Helper()
	for _, text := range texts {
		_, err := io.WriteString(j, text)
		require.NoError(t, err)
	}
}

func TestJournalReadsAddresses(t *testing.T) {
	j := newJournal()
	write(t, j, `{"msg":"request"}`+"\n"+`{"level":"INFO","msg":"API sta`, `rted","addr":"127.0.0.1:1","ops":"127.0.0.1:2"}`)
	assert.Empty(t, j.started, "the line has not ended yet")
	write(t, j, "\n")
	assert.Equal(t, addresses{API: "127.0.0.1:1", Ops: "127.0.0.1:2"}, <-j.started)
}

func TestJournalReportsForbiddenText(t *testing.T) {
	for name, line := range map[string]string{
		"a signing secret": `{"msg":"oops","secret":"whsec_abc"}`,
		"an API key":       `{"msg":"request","authorization":"Bearer rdk_mine"}`,
		"a data race":      "WARNING: DATA RACE",
		"a panic":          "panic: runtime error",
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal()
			j.forbid("rdk_mine")
			write(t, j, `{"level":"INFO","msg":"fine"}`+"\n")
			assert.Empty(t, j.alarmed())
			write(t, j, line+"\n")
			assert.Len(t, j.alarmed(), 1)
		})
	}
}

func TestJournalKeepsTheEndAndWarnings(t *testing.T) {
	j := newJournal()
	write(t, j, `{"level":"WARN","msg":"the cause"}`+"\n", strings.Repeat(`{"level":"INFO","msg":"fine"}`+"\n", 10*tailLength), "broken o")
	assert.Contains(t, j.end(), "the cause")
	assert.Contains(t, j.end(), "broken o")
	assert.Len(t, j.tail, tailLength)
}
