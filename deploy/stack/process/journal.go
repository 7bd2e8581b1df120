package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const (
	// tailLength and troublesLength are the numbers of log lines that are kept for failed tests: the last of all, and the last above the
	// level info.
	tailLength     = 40
	troublesLength = 40
	// maxAlarms bounds the number of alarms about one service.
	maxAlarms = 5
)

// journal reads a service's log. It keeps the end, finds the bound addresses, and searches for texts that must not be in a log.
type journal struct {
	mu        sync.Mutex
	partial   []byte
	tail      []string
	troubles  []string
	alarms    []string
	forbidden []string // texts that no line may contain
	started   chan addresses
	ready     []string // the messages that report the start of the service
}

// addresses are the addresses that a service logs at its start.
type addresses struct{ API, Ops string }

// neverLogged are prefixes of signing secrets, and Go's messages about a race or a crash.
var neverLogged = []string{"whsec_", "WARNING: DATA RACE", "panic: "}

func newJournal() *journal {
	return &journal{
		forbidden: slices.Clone(neverLogged), started: make(chan addresses, 1),
		ready: []string{"API started", "dispatcher started"},
	}
}

// Alarms searches a whole log for secrets, races, crashes and the given texts.
func Alarms(log string, forbidden ...string) []string {
	j := newJournal()
	for _, text := range forbidden {
		j.forbid(text)
	}
	_, _ = j.Write([]byte(log + "\n")) // it never fails
	return j.alarmed()
}

// forbid adds a text that no later line may contain.
func (j *journal) forbid(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forbidden = append(j.forbidden, text)
}

// Write reads the log while the service writes it.
func (j *journal) Write(output []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.partial = append(j.partial, output...)
	for {
		line, rest, whole := bytes.Cut(j.partial, []byte("\n"))
		if !whole {
			return len(output), nil
		}
		j.line(string(line))
		j.partial = rest
	}
}

func (j *journal) line(line string) {
	j.tail = last(append(j.tail, line), tailLength)
	if !strings.Contains(line, `"level":"INFO"`) {
		j.troubles = last(append(j.troubles, line), troublesLength)
	}
	for _, text := range j.forbidden {
		if strings.Contains(line, text) && len(j.alarms) < maxAlarms {
			j.alarms = append(j.alarms, fmt.Sprintf("the log holds %.12s…: %s", text, line))
		}
	}
	j.detectStart(line)
}

// detectStart looks for the message that reports the start. A busy service writes thousands of lines per second, so only lines that contain the
// message are decoded.
func (j *journal) detectStart(line string) {
	if !slices.ContainsFunc(j.ready, func(message string) bool { return strings.Contains(line, message) }) {
		return
	}
	var entry struct{ Msg, Addr, Ops string }
	if json.Unmarshal([]byte(line), &entry) != nil || !slices.Contains(j.ready, entry.Msg) {
		return
	}
	select {
	case j.started <- addresses{API: entry.Addr, Ops: entry.Ops}:
	default: // a second message has no reader
	}
}

func (j *journal) end() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("%s\n%s\nand the last of its warnings and errors:\n%s",
		strings.Join(j.tail, "\n"), j.partial, strings.Join(j.troubles, "\n"))
}

func last(lines []string, count int) []string {
	return slices.Delete(lines, 0, max(0, len(lines)-count))
}

func (j *journal) alarmed() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.alarms)
}
