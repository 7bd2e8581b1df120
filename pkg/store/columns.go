package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Times are written and read as UTC. The domain's zero time is NULL.

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// JSON columns hold values that are always read and written as a whole.

func encodeColumn(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode a JSON column: %w", err)
	}
	return string(text), nil
}

func decodeColumn[T any](text string) (T, error) {
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return value, fmt.Errorf("decode a JSON column: %w", err)
	}
	return value, nil
}

// optionalColumn is decodeColumn for a column that usually has the text empty. It returns the zero value for it.
func optionalColumn[T any](text, empty string) (value T, err error) {
	if text == "" || text == empty {
		return value, nil
	}
	return decodeColumn[T](text)
}
