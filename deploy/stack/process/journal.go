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
	// tailLength and troublesLength are how many lines of a log are kept, to be shown when a test fails: the last of all, and
	// the last of those that are more than information.
	tailLength     = 40
	troublesLength = 40
	// maxAlarms bounds what is said about a service that does nothing but complain.
	maxAlarms = 5
)

// journal reads a service's log: it keeps the end, hears the addresses that were bound, and notices what must never be there.
type journal struct {
	mu        sync.Mutex
	partial   []byte
	tail      []string
	troubles  []string
	alarms    []string
	forbidden []string // texts that no line may hold
	started   chan addresses
	ready     []string // the messages that say that the service has started
}

// addresses is what a service says it listens on.
type addresses struct{ API, Ops string }

// neverLogged are the beginnings of signing secrets, and what Go says of a race or a crash.
var neverLogged = []string{"whsec_", "WARNING: DATA RACE", "panic: "}

func newJournal() *journal {
	return &journal{
		forbidden: slices.Clone(neverLogged), started: make(chan addresses, 1),
		ready: []string{"API started", "dispatcher started"},
	}
}

// Alarms finds in a whole log what must never be there: secrets, races, crashes and the texts that are given.
func Alarms(log string, forbidden ...string) []string {
	j := newJournal()
	for _, text := range forbidden {
		j.forbid(text)
	}
	_, _ = j.Write([]byte(log + "\n")) // it never fails
	return j.alarmed()
}

// forbid has a text noticed from now on.
func (j *journal) forbid(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forbidden = append(j.forbidden, text)
}

// Write takes the log as the service writes it.
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
	j.hear(line)
}

// hear looks for the message that the service has started. A busy service writes thousands of lines a second: only those that
// may be it are decoded.
func (j *journal) hear(line string) {
	if !slices.ContainsFunc(j.ready, func(message string) bool { return strings.Contains(line, message) }) {
		return
	}
	var entry struct{ Msg, Addr, Ops string }
	if json.Unmarshal([]byte(line), &entry) != nil || !slices.Contains(j.ready, entry.Msg) {
		return
	}
	select {
	case j.started <- addresses{API: entry.Addr, Ops: entry.Ops}:
	default: // nobody waits for a second announcement
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
