// Package testlog gives tests a log, or the output of a process, that they read while it is written.
package testlog

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// Buffer keeps the text that is written to it. The zero value is empty. Its methods may be called concurrently.
type Buffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write appends text. It returns no error.
func (b *Buffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(text)
}

// String returns all text written so far.
func (b *Buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// Count returns how often the buffer contains the text.
func (b *Buffer) Count(text string) int { return strings.Count(b.String(), text) }

// Lines returns the lines written so far, without their ends. A last line without an end is one too.
func (b *Buffer) Lines() (lines []string) {
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// Records returns the records of a JSON log that have the message. Lines that are not JSON objects are skipped.
func (b *Buffer) Records(message string) (records []map[string]any) {
	for _, line := range b.Lines() {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
			records = append(records, record)
		}
	}
	return records
}
