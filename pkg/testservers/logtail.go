package testservers

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	logTailBytes = 8 << 10
	logTailLines = 20
)

// logTail returns the last lines of a log, from the given offset at the earliest, for use in an error.
func logTail(path string, from int64) string {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-logTailBytes)
	}
	data, err := io.ReadAll(io.NewSectionReader(file, from, logTailBytes))
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "(the log is empty)"
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-logTailLines):], "\n")
}
